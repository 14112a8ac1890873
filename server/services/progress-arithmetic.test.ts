import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PHASE_WEIGHTS } from '../protocol.ts'
import { OverallPercent, Rate, segmentOf, TimeLeft } from './progress-arithmetic.ts'

describe('OverallPercent', () => {
  test('gives each phase its share of the bar', () => {
    const percent = new OverallPercent(PHASE_WEIGHTS)
    assert.equal(percent.at('upload', 0.5), PHASE_WEIGHTS.upload / 2)
    assert.equal(percent.at('analyse', 0), PHASE_WEIGHTS.upload)
    assert.equal(percent.at('import', 0), PHASE_WEIGHTS.upload + PHASE_WEIGHTS.analyse)
    assert.equal(Object.values(PHASE_WEIGHTS).reduce((sum, weight) => sum + weight, 0), 100)
  })

  test('never falls', () => {
    const percent = new OverallPercent(PHASE_WEIGHTS)
    const reached = percent.at('import', 0.5)
    assert.equal(percent.at('import', 0.1), reached)
    assert.equal(percent.at('upload', 1), reached)
  })

  test('stays below 100 until somebody else says so', () => {
    assert.equal(new OverallPercent(PHASE_WEIGHTS).at('finish', 1), 99)
    assert.equal(new OverallPercent(PHASE_WEIGHTS).at('finish', 7), 99)
  })

  test('counts the steps that people see', () => {
    const percent = new OverallPercent(PHASE_WEIGHTS)
    assert.deepEqual([percent.stepOf('upload'), percent.stepOf(segmentOf('merge')), percent.stepOf('finish'), percent.totalSteps], [1, 4, 4, 4])
  })
})

describe('Rate', () => {
  test('is unknown until two measurements have been taken', () => {
    const rate = new Rate()
    assert.equal(rate.perSecond, undefined)
    rate.measure(100, 0)
    assert.equal(rate.perSecond, undefined)
    rate.measure(200, 1000)
    assert.equal(Math.round(rate.perSecond!), 100)
  })

  test('follows a change, at irregular times, without a jump', () => {
    const rate = new Rate()
    for (let ms = 0; ms <= 20_000; ms += 100) rate.measure(ms, ms)
    assert.ok(Math.abs(rate.perSecond! - 1000) < 1)
    rate.measure(20_000, 21_000)
    const slower = rate.perSecond!
    assert.ok(slower < 1000 && slower > 800, String(slower))
    rate.measure(20_000, 81_000)
    assert.ok(rate.perSecond! < 1)
  })

  test('ignores two measurements at one time', () => {
    const rate = new Rate()
    rate.measure(0, 0)
    rate.measure(50, 0)
    assert.equal(rate.perSecond, undefined)
  })
})

describe('TimeLeft', () => {
  test('is told only once it is likely to hold', () => {
    const left = new TimeLeft(1000)
    assert.equal(left.measure(0, 0), undefined)
    assert.equal(left.measure(900, 500), undefined)
    assert.ok(Math.abs(left.measure(910, 1100)! - 0.1) < 0.1)
  })

  test('converges to nothing left', () => {
    const left = new TimeLeft(10_000)
    const told = Array.from({ length: 101 }, (_, index) => left.measure(index * 100, index * 100)).filter((seconds) => seconds !== undefined)
    assert.ok(told.every((seconds, index) => index === 0 || seconds <= told[index - 1]!))
    assert.equal(told.at(-1), 0)
  })
})
