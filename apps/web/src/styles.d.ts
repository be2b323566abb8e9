declare module '*.css'
declare module '@parley/styles'
