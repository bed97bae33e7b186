// cognito.js: cognito-local on a free port of 127.0.0.1, with a signing key of its own instead of
// the one that everybody can read in the package; prints the port when it listens. SIGUSR2 rotates
// the key and prints the new key's id. PORT chooses a port; the current folder keeps the pools.
const crypto = require('node:crypto')
const path = require('node:path')

process.env.HOST = '127.0.0.1'
process.env.PORT = process.env.PORT || '0'

const lib = path.dirname(require.resolve('cognito-local'))
const privateKey = require(path.join(lib, 'keys', 'cognitoLocal.private.json'))
const publicKey = require(path.join(lib, 'keys', 'cognitoLocal.public.json'))
const jsonwebtoken = require(require.resolve('jsonwebtoken', { paths: [lib] }))
const { createDefaultServer } = require(path.join(lib, 'server'))
const pino = require(require.resolve('pino', { paths: [lib] }))

let kid

// The package reads both objects anew for each token and each request of the key set.
function rotate() {
  const pair = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
  kid = crypto.randomUUID()
  privateKey.pem = pair.privateKey.export({ type: 'pkcs1', format: 'pem' })
  publicKey.pem = pair.publicKey.export({ type: 'spki', format: 'pem' })
  publicKey.jwk = { ...pair.publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid }
}

// Its tokens name a constant key id, which would not tell one key from the next.
const sign = jsonwebtoken.sign
jsonwebtoken.sign = (payload, key, options) =>
  sign(payload, key, options && options.keyid ? { ...options, keyid: kid } : options)

rotate()
process.on('SIGUSR2', () => {
  rotate()
  console.log(`rotated ${kid}`)
})

createDefaultServer(pino({ level: 'silent' }))
  .then((server) => server.start())
  .then((server) => console.log(`listening ${server.address().port}`))
  .catch((error) => {
    console.error(error)
    process.exit(1)
  })
