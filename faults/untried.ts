/** Rows of the table that are not tried here, and why. */
export const untried: readonly (readonly [fault: string, why: string])[] = [
  ['job target (SMTP, push, webhook) hanging; worker killed mid-job', 'waits for its feature: there are no jobs yet'],
  ['disk full for uploads', 'waits for its feature: there are no uploads yet'],
  ['disk full for logs', 'the server writes its log to standard output and to no file'],
  [
    'kill between commit and answer; between commit and delivery',
    'the random kills above hit it by chance; the retries and the second node show it in the tests of sending and of nodes',
  ],
  ['wrong client clock', "no time of a client's goes over the wire"],
  ['clock of the database', 'times of messages are its own, and order never looks at them; its clock was not turned'],
  ['Redis losing single messages', 'covered by subscribers that are dropped: what was published meanwhile is lost'],
  ['browser tab asleep for 10 min', 'covered by the tests of the client and of the browser'],
  ['power loss', 'this machine cannot be unplugged; fsync is on in every row, and the database crashes in two'],
]
