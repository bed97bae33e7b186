// dynalite.js: DynamoDB in memory on a free port of 127.0.0.1; prints the port when it listens.
// PORT chooses a port, DYNALITE_PATH a folder that keeps the tables. Tables are there at once.
const dynalite = require('dynalite')

const server = dynalite({
  path: process.env.DYNALITE_PATH || undefined,
  createTableMs: 0,
  deleteTableMs: 0,
  updateTableMs: 0,
})
server.keepAliveTimeout = 60000
server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`)
})
