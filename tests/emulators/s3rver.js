// s3rver.js: S3 in a temporary folder on a free port of 127.0.0.1; prints the port when it listens.
// It checks signatures; the key pair is S3RVER/S3RVER. PORT chooses a port, S3RVER_FOLDER the folder,
// S3RVER_BUCKET a bucket that is made.
const crypto = require('crypto')
const fs = require('fs')
const os = require('os')
const path = require('path')
const S3rver = require('s3rver')

// s3rver makes the tokens of its lists with DES, which OpenSSL 3 does not do any more, so that it
// would answer 500 to lists of more than one page. Triple DES with one key is the same.
for (const name of ['createCipheriv', 'createDecipheriv']) {
  const original = crypto[name]
  crypto[name] = (cipher, key, ...rest) =>
    cipher === 'des'
      ? original('des-ede3-cbc', Buffer.concat([key, key, key]), ...rest)
      : original(cipher, key, ...rest)
}

const folder = process.env.S3RVER_FOLDER || fs.mkdtempSync(path.join(os.tmpdir(), 's3rver-'))
const server = new S3rver({
  address: '127.0.0.1',
  port: Number(process.env.PORT || 0),
  directory: folder,
  silent: true,
  vhostBuckets: false,
  configureBuckets: process.env.S3RVER_BUCKET ? [{ name: process.env.S3RVER_BUCKET }] : [],
})
server.run((error, address) => {
  if (error) {
    console.error(error)
    process.exit(1)
  }
  console.log(`listening ${address.port}`)
})
