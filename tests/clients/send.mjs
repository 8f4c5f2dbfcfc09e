// One of each call through the published client, unmodified: node send.mjs ADDRESS KEY
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, flushAt: 4 })
let failed = false
analytics.on('error', (error) => {
  failed = true
  console.error(error)
})

analytics.track({ anonymousId: 'visitor', event: 'Product Viewed', properties: { product_id: 'BCD-500' } })
analytics.identify({ userId: 'member', anonymousId: 'visitor', traits: { phone: '13800000000' } })
analytics.page({ userId: 'member', name: 'Home', properties: { path: '/' } })
analytics.screen({ userId: 'member', name: 'Start' })
analytics.group({ userId: 'member', groupId: 'family' })
analytics.alias({ userId: 'member', previousId: 'old' })
await analytics.closeAndFlush({ timeout: 10000 })
process.exit(failed ? 1 : 0)
