import { type DBSchema, type IDBPDatabase, type IDBPObjectStore, openDB } from 'idb'
import { memoryStorage, type OutboxStorage } from './outbox-storage.ts'
import type { Pending } from './state.ts'

interface Schema extends DBSchema {
  pending: { key: [string, string]; value: { owner: string; clientKey: string; pending: Pending } }
  drafts: { key: [string, string]; value: { owner: string; key: string; text: string } }
}

type Database = IDBPDatabase<Schema>

function ownedBy(owner: string): IDBKeyRange {
  return IDBKeyRange.bound([owner], [owner, []])
}

function open(name: string, onClosed: () => void): Promise<Database> {
  return openDB<Schema>(name, 1, {
    upgrade: (database) => {
      database.createObjectStore('pending', { keyPath: ['owner', 'clientKey'] })
      database.createObjectStore('drafts', { keyPath: ['owner', 'key'] })
    },
    blocking: (_current, _blocked, event) => {
      ;(event.target as IDBDatabase).close()
      onClosed()
    },
    terminated: onClosed,
  })
}

/** Runs work on a database: a second time, on a fresh connection, when it fails. */
function trying(name: string) {
  let opening: Promise<Database> | null = null
  const connect = () => {
    opening ??= open(name, () => {
      opening = null
    })
    return opening
  }
  const disconnect = () => {
    opening?.then(
      (database) => database.close(),
      () => {},
    )
    opening = null
  }
  const once = async <Result>(work: (database: Database) => Promise<Result>): Promise<Result> => {
    try {
      return await work(await connect())
    } catch (error) {
      disconnect()
      throw error
    }
  }
  return <Result>(work: (database: Database) => Promise<Result>) => once(work).catch(() => once(work))
}

/**
 * Storage in IndexedDB, shared by all tabs of a browser. Where the browser refuses it, memory serves instead.
 * @param name the database's name
 */
export function indexedDbStorage(name = 'parley'): OutboxStorage {
  const tried = trying(name)
  const spare = memoryStorage()
  const attempt = <Result>(work: (database: Database) => Promise<Result>, instead: () => Promise<Result>) => {
    return tried(work).catch(instead)
  }
  return {
    sharedAs: name,
    load: (owner) =>
      attempt(
        (database) => load(database, owner),
        () => spare.load(owner),
      ),
    putPending: (owner, pending) =>
      attempt(
        (database) => {
          return write(database, 'pending', (store) => store.put({ owner, clientKey: pending.clientKey, pending }))
        },
        () => spare.putPending(owner, pending),
      ),
    deletePending: (owner, clientKey) =>
      attempt(
        (database) => write(database, 'pending', (store) => store.delete([owner, clientKey])),
        () => spare.deletePending(owner, clientKey),
      ),
    putDraft: (owner, key, text) =>
      attempt(
        (database) => putDraft(database, owner, key, text),
        () => spare.putDraft(owner, key, text),
      ),
    erase: () => attempt(erase, () => spare.erase()),
  }
}

async function load(database: Database, owner: string) {
  const [pending, drafts] = await Promise.all([
    database.getAll('pending', ownedBy(owner)),
    database.getAll('drafts', ownedBy(owner)),
  ])
  return {
    pending: pending.map((row) => row.pending),
    drafts: Object.fromEntries(drafts.map(({ key, text }) => [key, text])),
  }
}

/** Writes and commits without waiting for the answer: a page that is being closed does not live to hear it. */
async function write<Name extends 'pending' | 'drafts'>(
  database: Database,
  name: Name,
  change: (store: IDBPObjectStore<Schema, [Name], Name, 'readwrite'>) => Promise<unknown>,
): Promise<void> {
  const transaction = database.transaction(name, 'readwrite')
  const changed = change(transaction.store)
  transaction.commit()
  await Promise.all([changed, transaction.done])
}

function putDraft(database: Database, owner: string, key: string, text: string): Promise<void> {
  return write(database, 'drafts', (store) => {
    return text === '' ? store.delete([owner, key]) : store.put({ owner, key, text })
  })
}

async function erase(database: Database): Promise<void> {
  await Promise.all([database.clear('pending'), database.clear('drafts')])
}
