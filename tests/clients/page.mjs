// The clients for the browser. A test calls `calls()` or `track(n)` and waits for what the server has.
const asked = new URLSearchParams(location.search)
const [client, address, writeKey] = ['client', 'address', 'key'].map((name) => asked.get(name))
const member = `member-${client}`
const phone = '13912345601'
const product = { product_id: 'BCD-500' }

const script = (src) => new Promise((resolve, reject) => {
  const tag = Object.assign(document.createElement('script'), { src, onload: resolve, onerror: reject })
  document.head.append(tag)
})

async function next (options) {
  await script('node_modules/@segment/analytics-next/dist/umd/index.js')
  const analytics = window.AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL: address }, options)
  await analytics.ready()
  return {
    async calls () {
      await analytics.track('Product Viewed', product)
      await analytics.identify(member, { phone })
      await analytics.page('Home')
      await analytics.screen('Start')
      await analytics.group('family', { size: 3 })
      await analytics.alias(member, `earlier-${client}`)
    },
    track: (n) => analytics.track('Counted', { n }),
  }
}

async function rudder (options) {
  await script('node_modules/@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js')
  const found = window.rudderanalytics
  const analytics = found.RudderAnalytics ? new found.RudderAnalytics() : found
  await new Promise((resolve) => {
    analytics.load(writeKey, address, { configUrl: address, onLoaded: resolve, ...options })
  })
  return {
    calls () {
      analytics.track('Product Viewed', product)
      analytics.identify(member, { phone })
      analytics.page('Home')
      analytics.group('family', { size: 3 })
      analytics.alias(member, `earlier-${client}`)
    },
    track: (n) => analytics.track('Counted', { n }),
  }
}

async function jitsu () {
  const { jitsuAnalytics } = await import('./node_modules/@jitsu/js/dist/jitsu.es.js')
  const analytics = jitsuAnalytics({ host: address, writeKey: `${writeKey}:any`, debug: true })
  return {
    async calls () {
      await analytics.track('Product Viewed', product)
      await analytics.identify(member, { phone })
      await analytics.page({ name: 'Home' })
      await analytics.group('family', { size: 3 })
    },
    track: (n) => analytics.track('Counted', { n }),
  }
}

const batching = { integrations: { 'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { size: 3, timeout: 300 } } } } }
const made = {
  next: () => next({}),
  'next-batching': () => next(batching),
  rudder: () => rudder({}),
  'rudder-beacon': () => rudder({ useBeacon: true, beaconQueueOptions: { flushQueueInterval: 300 } }),
  jitsu,
}
window.made = await made[client]()
window.ready = true
