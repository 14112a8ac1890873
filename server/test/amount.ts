/**
 * How many cases a test looks at: a share of them in `npm test`, which is to end soon and draws other ones each time, and all in
 * `npm run test:full`, which is for the night.
 */
export const amount = (share: number, all: number): number => process.env.TEST_AMOUNT === 'full' ? all : share
