import { type Statement, statement } from './statement.ts'

/** How a statement names the rows among its values. */
export interface Rows {
  /**
   * The rows whose columns are the values from a number on.
   * @param types of the columns, in their order
   */
  of(first: number, types: readonly string[]): string
  /** `= …`: the value of a column, or one of its values. */
  equal(value: number): string
}

/** A statement for rows, in two forms. */
export interface RowsStatement {
  readonly one: Statement
  readonly many: Statement
}

function listOf(first: number, types: readonly string[], suffix: string): string {
  return types.map((type, index) => `$${first + index}::${type}${suffix}`).join(', ')
}

const one: Rows = {
  of: (first, types) => `(values (${listOf(first, types, '')}))`,
  equal: (value) => `= $${value}`,
}

const many: Rows = {
  of: (first, types) => `unnest(${listOf(first, types, '[]')})`,
  equal: (value) => `= any($${value})`,
}

/**
 * Declares a named statement for rows. One that is alone goes as it is: to unpack an array for each column takes a sixth of what a
 * message costs the database, and under light load messages come alone (adr 18).
 * @param write the text, by how its rows are named; the workspace is `$1`
 */
export function rowsStatement(name: string, write: (rows: Rows) => string): RowsStatement {
  return { one: statement(`${name}-one`, write(one)), many: statement(name, write(many)) }
}

/**
 * The form of a statement that fits, and its values.
 * @param columns the values of each column, row by row
 */
export function withRows(
  forms: RowsStatement,
  workspaceId: string,
  columns: readonly (readonly unknown[])[],
): [Statement, unknown[]] {
  if (columns.every(({ length }) => length === 1)) return [forms.one, [workspaceId, ...columns.flat()]]
  return [forms.many, [workspaceId, ...columns]]
}
