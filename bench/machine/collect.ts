import { setTimeout as sleep } from 'node:timers/promises'

/** Where a program on Node answers its debugger after SIGUSR1. */
const debuggerUrl = 'http://127.0.0.1:9229/json'
const patience = 5_000

async function debuggerOf(pid: number): Promise<string> {
  process.kill(pid, 'SIGUSR1')
  const deadline = performance.now() + patience
  for (;;) {
    const answer = await fetch(debuggerUrl).catch(() => undefined)
    const [target] = answer ? ((await answer.json()) as { webSocketDebuggerUrl: string }[]) : []
    if (target) return target.webSocketDebuggerUrl
    if (performance.now() > deadline) throw new Error(`Process ${pid} has no debugger`)
    await sleep(50)
  }
}

/**
 * Lets a program on Node throw away what it does not need any more, so that its memory is what it holds.
 * @see https://chromedevtools.github.io/devtools-protocol/tot/HeapProfiler/#method-collectGarbage
 * @throws Error when it is no program on Node
 */
export async function collectGarbage(pid: number): Promise<void> {
  const socket = new WebSocket(await debuggerOf(pid))
  await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }))
    socket.onmessage = resolve
    socket.onerror = reject
  })
  socket.close()
}
