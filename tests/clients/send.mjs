// Published clients for Node.js, unmodified: node send.mjs CLIENT ADDRESS KEY calls|COUNT
// `calls` makes each call once; a number makes so many tracks, a few a moment, and goes on through whatever the server answers.
import { setTimeout as pause } from 'node:timers/promises'

const [client, host, writeKey, what] = process.argv.slice(2)
const member = `member-${client}`
const visitor = `visitor-${client}`
const timestamp = new Date('2026-11-20T08:00:00Z')
const phone = '13912345601'
const product = { product_id: 'BCD-500' }
const failures = []
const heard = [] // of a client that never sends again: what it was told is kept

async function segment () {
  const { Analytics } = await import('@segment/analytics-node')
  const analytics = new Analytics({ host, writeKey, flushAt: 4, flushInterval: 200, maxRetries: 20 })
  analytics.on('error', (error) => failures.push(error))
  return {
    calls () {
      analytics.track({ anonymousId: visitor, event: 'Product Viewed', properties: product, timestamp })
      analytics.identify({ userId: member, anonymousId: visitor, traits: { phone }, timestamp })
      analytics.page({ userId: member, name: 'Home', properties: { path: '/' }, timestamp })
      analytics.screen({ userId: member, name: 'Start', timestamp })
      analytics.group({ userId: member, groupId: 'family', traits: { size: 3 }, timestamp })
      analytics.alias({ userId: member, previousId: visitor, timestamp })
    },
    track: (n) => analytics.track({ userId: member, event: 'Counted', properties: { n }, timestamp }),
    end: () => analytics.closeAndFlush({ timeout: 60000 }),
  }
}

async function rudder () {
  const { default: Analytics } = await import('@rudderstack/rudder-sdk-node')
  const analytics = new Analytics(writeKey, {
    dataPlaneUrl: host, flushAt: 4, flushInterval: 200, retryCount: 20, logLevel: 'silent',
    errorHandler: (error) => failures.push(error),
  })
  const originalTimestamp = timestamp
  let under = 0
  const done = () => { under -= 1 }
  const send = (type, message) => { under += 1; analytics[type]({ ...message, originalTimestamp }, done) }
  return {
    calls () {
      send('track', { anonymousId: visitor, event: 'Product Viewed', properties: product })
      send('identify', { userId: member, anonymousId: visitor, traits: { phone } })
      send('page', { userId: member, name: 'Home', properties: { path: '/' } })
      send('screen', { userId: member, name: 'Start' })
      send('group', { userId: member, groupId: 'family', traits: { size: 3 } })
      send('alias', { userId: member, previousId: visitor })
    },
    track: (n) => send('track', { userId: member, event: 'Counted', properties: { n } }),
    async end () { while (under > 0) { await analytics.flush(); await pause(20) } },
  }
}

async function jitsu () {
  const { jitsuAnalytics } = await import('@jitsu/js')
  const overheard = async (url, request) => {
    const answer = await fetch(url, request)
    if (answer.ok) heard.push(JSON.parse(request.body).properties?.n)
    return answer
  }
  const analytics = jitsuAnalytics({
    host, writeKey: `${writeKey}:any`, s2s: true, errorPolicy: 'log', fetch: overheard,
  })
  const sent = []
  const at = { userId: member, anonymousId: visitor }
  return {
    calls () {
      sent.push(analytics.track('Product Viewed', product, at))
      sent.push(analytics.identify(member, { phone }))
      sent.push(analytics.page({ ...at, name: 'Home', path: '/', url: 'https://shop.example.com/' }))
      sent.push(analytics.group('family', { size: 3 }, at))
    },
    track: (n) => sent.push(analytics.track('Counted', { n }, at)),
    end: () => Promise.all(sent),
  }
}

const made = await ({ segment, rudder, jitsu })[client]()
if (what === 'calls') {
  made.calls()
} else {
  for (let n = 0; n < Number(what); n += 1) {
    made.track(n)
    await pause(25)
  }
}
await made.end()
console.log(JSON.stringify(heard))
for (const failure of failures) console.error(failure)
process.exit(failures.length ? 1 : 0)
