import module from 'node:module'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'

/** How every process of Parley runs its code: imported before that code is. */

// The last optimization of a function takes milliseconds of a core: it waits until the function is busy, else it delays messages under light load.
setFlagsFromString('--invocation-count-for-turbofan=60000')
// What was compiled is kept where only who may change the code may write; where that is nobody, it starts a little slower.
module.enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compiled'))
