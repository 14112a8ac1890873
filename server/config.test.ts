import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readConfig, SETTINGS } from './config.ts'

describe('readConfig', () => {
  test('has a value for everything', () => {
    const config = readConfig({})
    assert.equal(config.port, 8989)
    assert.equal(config.host, '127.0.0.1')
    assert.equal(config.maxUploadBytes, 64 * 2 ** 30)
    assert.deepEqual(config.allowedHosts, [])
  })

  test('reads sizes with units and lists with commas', () => {
    const config = readConfig({ MAX_UPLOAD_BYTES: '500m', ALLOWED_HOSTS: 'Box.lan, other' })
    assert.equal(config.maxUploadBytes, 500 * 2 ** 20)
    assert.deepEqual(config.allowedHosts, ['box.lan', 'other'])
  })

  test('names everything that is wrong at once, and what would be right', () => {
    assert.throws(() => readConfig({ PORT: '99999', LOG_LEVEL: 'loud', BUSY_TIMEOUT_MS: '-1', DATA_DIR: '' }), (error: Error) => {
      assert.deepEqual(error.message.split('\n'), [
        'PORT is "99999", but must be a whole number from 0 to 65535',
        'DATA_DIR is "", but must be not empty',
        'LOG_LEVEL is "loud", but must be one of trace, debug, info, warn, error, fatal, silent',
        'BUSY_TIMEOUT_MS is "-1", but must be a whole number from 0 to 600000',
      ])
      return true
    })
  })
})

test('README.md lists every setting with its default', () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const rows = Object.entries(SETTINGS).map(([name, { fallback, help }]) => `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${help} |`)
  for (const row of rows) assert.ok(readme.includes(row.replace('|  |', '| |')), `missing: ${row}`)
})
