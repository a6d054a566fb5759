// `node --import ./test/typescript.js file.ts`: newer Nodes run TypeScript as it is, older ones with what the tests run on
import process from 'node:process'

if (!process.features.typescript) {
  process.env['TS_NODE_TRANSPILE_ONLY'] = '1'
  await import('@tapjs/typescript/import')
}
