import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findBrowser } from './browser.ts'

test('a browser named by the variable comes first, wherever it is', () => {
  assert.equal(findBrowser({ HEXTRACKR_BROWSER: '/opt/my browser', PATH: '/usr/bin' }, () => true), '/opt/my browser')
})

test('an installed browser is found on the PATH, Chrome before Chromium', () => {
  const installed = new Set(['/usr/bin/chromium', '/usr/local/bin/google-chrome'])
  assert.equal(findBrowser({ PATH: '/usr/local/bin:/usr/bin' }, (path) => installed.has(path)), '/usr/local/bin/google-chrome')
  assert.equal(findBrowser({ PATH: '/usr/bin' }, (path) => installed.has(path)), '/usr/bin/chromium')
})

test('one without windows comes before all that have them', () => {
  const installed = new Set(['/usr/bin/chromium', '/usr/local/bin/google-chrome', '/usr/bin/chromium-headless-shell'])
  assert.equal(findBrowser({ PATH: '/usr/local/bin:/usr/bin' }, (path) => installed.has(path)), '/usr/bin/chromium-headless-shell')
})

test('where there is none, none is found', () => {
  assert.equal(findBrowser({ PATH: '/usr/bin' }, () => false), undefined)
})
