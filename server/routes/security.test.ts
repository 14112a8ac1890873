import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Gate } from './security.ts'

type Headers = Record<string, string>

const isWelcome = (gate: Gate, headers: Headers, method = 'GET'): boolean => gate.refusal({ headers, method }) === null

function assertEach(gate: Gate, expected: boolean, cases: Headers[], method?: string): void {
  for (const headers of cases) assert.equal(isWelcome(gate, headers, method), expected, `${method ?? 'GET'} ${JSON.stringify(headers)}`)
}

const HERE = '127.0.0.1:8989'

describe('a server on loopback', () => {
  const gate = new Gate('127.0.0.1', ['box.lan'])

  test('answers to its own names, in any case and with any port', () => {
    assertEach(gate, true, [HERE, '127.0.0.1', 'localhost', 'LocalHost:8989', 'LOCALHOST', '[::1]', '[::1]:8989', 'box.lan', 'BOX.lan:443'].map((host) => ({ host })))
  })

  test('does not answer to a name that somebody made resolve to it, however it is written', () => {
    assertEach(gate, false, [
      'evil.example', 'evil.example:8989', 'localhost.evil.example', 'evil-localhost', 'localhost.', 'box.lan.', 'sub.box.lan', 'box.lan.evil.example',
      '127.0.0.2', '127.1', '2130706433', '0x7f.1', '0.0.0.0', '::1', '[::]', '[::ffff:127.0.0.1]', '[::1', '192.168.1.5:8989',
      'localhost:8989:8989', 'localhost:99999', '[:::1]', 'localhost:port', 'localhost@evil.example', 'evil.example@localhost', 'localhost evil.example', 'localhost,evil.example', 'localhost/', 'localhost\\evil', 'ｌocalhost', ' ', '',
    ].map((host) => ({ host })))
    assertEach(gate, false, [{}])
  })

  test('takes what its own pages ask for', () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      assertEach(gate, true, [
        { host: HERE, origin: `http://${HERE}` }, { host: HERE, origin: 'http://localhost:8989' }, { host: 'localhost:8989', origin: `http://${HERE}` },
        { host: '[::1]:8989', origin: 'http://[::1]:8989' }, { host: 'localhost', origin: 'http://localhost' }, { host: 'localhost', origin: 'http://localhost:80' },
        { 'host': HERE, 'sec-fetch-site': 'same-origin' }, { 'host': HERE, 'sec-fetch-site': 'none' }, { host: HERE },
      ], method)
    }
  })

  test('takes what comes by a proxy that speaks TLS, whichever Host it passes on', () => {
    assertEach(gate, true, [
      { host: 'box.lan', origin: 'https://box.lan' }, { host: 'box.lan:443', origin: 'https://box.lan' }, { host: 'box.lan', origin: 'https://box.lan:8443' },
      { host: HERE, origin: 'https://box.lan' },
    ], 'POST')
  })

  test('takes nothing that a page of another origin sends', () => {
    for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
      assertEach(gate, false, [
        'http://evil.example', 'https://evil.example:8989', 'http://localhost.evil.example:8989', 'http://evil.localhost:8989', 'http://localhost:3000', 'http://127.0.0.1', 'https://127.0.0.1:443',
        'http://192.168.1.5:8989', 'null', '', 'file://', 'file://localhost:8989', 'chrome-extension://localhost:8989', 'http://', '//localhost:8989', 'localhost:8989', 'http://box.lan.evil.example',
        'http://localhost:8989@evil.example',
      ].map((origin) => ({ host: HERE, origin })), method)
    }
  })

  test('believes the browser where it says that another site asks, and lets links lead here', () => {
    for (const site of ['cross-site', 'same-site', 'strange']) {
      const headers = { 'host': HERE, 'sec-fetch-site': site }
      assertEach(gate, false, [
        headers, { ...headers, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }, { ...headers, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
        { ...headers, 'sec-fetch-mode': 'websocket' },
      ])
      assertEach(gate, true, [{ ...headers, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }])
      assertEach(gate, false, [{ ...headers, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }], 'POST')
    }
  })
})

test('a server on every address answers to addresses, which no name can be made to resolve to, and to pages from there', () => {
  for (const listening of ['0.0.0.0', '::']) {
    const gate = new Gate(listening, [])
    assertEach(gate, true, [
      { host: '192.168.1.5:8989' }, { host: '[fd00::5]:8989' }, { host: 'localhost:8989' }, { host: '192.168.1.5:8989', origin: 'http://192.168.1.5:8989' },
    ], 'POST')
    assertEach(gate, false, [
      { host: 'evil.example:8989' }, { host: '192.168.1.5:8989', origin: 'http://192.168.1.6:8989' }, { host: '192.168.1.5:8989', origin: 'http://192.168.1.5' },
    ], 'POST')
  }
})

test('a server on one address answers to that one', () => {
  const gate = new Gate('fd00::5', [])
  assertEach(gate, true, [{ host: '[fd00::5]:8989' }, { host: '[FD00::5]:8989', origin: 'http://[fd00::5]:8989' }])
  assertEach(gate, false, [{ host: '[fd00::6]:8989' }, { host: '192.168.1.5' }])
})
