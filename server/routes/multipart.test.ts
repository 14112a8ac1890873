import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { MulterError } from 'multer'
import { Fault } from '../faults.ts'
import { explain } from './multipart.ts'

test('what went wrong with an upload is told as what it is, and no failure of the server as one of the client', () => {
  const told = (error: unknown): string => explain(error, 1000).code
  assert.equal(told(new Database.SqliteError('database disk image is malformed', 'SQLITE_CORRUPT')), 'SQLITE_CORRUPT')
  assert.equal(told(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })), 'DISK_FULL')
  assert.equal(told(new Fault('NOT_CSV', 'The file is not text.')), 'NOT_CSV')
  assert.equal(told(new MulterError('LIMIT_FILE_SIZE')), 'FILE_TOO_LARGE')
  assert.equal(told(new Error('Request aborted')), 'UPLOAD_LOST')
  assert.equal(told(new Error('Unexpected end of form')), 'BAD_MULTIPART')
  assert.equal(told(new Error('something else')), 'INTERNAL')
})
