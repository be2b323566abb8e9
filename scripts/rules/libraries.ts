import { atImport, type Finding, productOf, type Source } from './source.ts'

interface Edge {
  readonly libraries: RegExp
  /** Where the edge applies. */
  readonly within: RegExp
  /** The files in there that may know the libraries. */
  readonly files: RegExp
  readonly message: string
  readonly typesAllowed?: boolean
}

const nowhere = /^$/

const edges: readonly Edge[] = [
  {
    libraries: /^(@fastify\/|fastify)/,
    within: /^packages\//,
    files: /^packages\/server\/src\/(http|http-[\w-]+|server)\.ts$/,
    message: 'only http.ts and server.ts know Fastify',
  },
  {
    libraries: /^socket\.io$/,
    within: /^packages\//,
    files: /^packages\/server\/src\/(realtime|realtime-[\w-]+|server)\.ts$/,
    message: 'only realtime.ts and server.ts know Socket.IO',
  },
  {
    libraries: /^(pg|kysely)(\/|$)/,
    within: /^packages\//,
    files: /^packages\/server\/src\/(db\/.+|write|jobs|server|cli\/database|.+\.(service|policy|tables))\.ts$/,
    message: 'this file may not know the database driver',
  },
  {
    libraries: /^ioredis$/,
    within: /^packages\//,
    files: /^packages\/server\/src\/redis\.ts$/,
    message: 'only redis.ts opens connections to Redis',
    typesAllowed: true,
  },
  {
    libraries: /^socket\.io-client$/,
    within: /^(packages|apps)\//,
    files: /^packages\/client\/src\/(connection|socket)[\w-]*\.ts$/,
    message: 'only the connection knows the socket',
  },
  {
    libraries: /^@parley\/protocol$/,
    within: /^(packages\/react|apps)\//,
    files: nowhere,
    message: 'the interface decides nothing: types of the protocol only',
    typesAllowed: true,
  },
]

/** Libraries stay at the edges they were chosen for. */
export function libraries(sources: readonly Source[]): Finding[] {
  return productOf(sources).flatMap((source) =>
    source.imports.flatMap((each) =>
      edges
        .filter((edge) => edge.within.test(source.path) && edge.libraries.test(each.specifier))
        .filter((edge) => !edge.files.test(source.path) && !(edge.typesAllowed && each.typeOnly))
        .map((edge) => atImport(source, each, 'library-edge', edge.message)),
    ),
  )
}
