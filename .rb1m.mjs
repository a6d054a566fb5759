import { Redis, Cluster } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { createClient } from 'redis'
import { spawn, execSync } from 'node:child_process'
const root = '/tmp/wt/redis'
const { redisStore } = await import(root + '/lib/stores/redis.ts')
const { newId, shardOf, hashVerifier, newVerifier } = await import(root + '/lib/token.ts')
const { noData } = await import(root + '/lib/record.ts')
const sock = '/tmp/rb.sock'
const users = Number(process.argv[2] ?? 10000), per = Number(process.argv[3] ?? 10)
const bin = process.argv[4] ?? 'redis-server'
const srv = spawn(bin, ['--port','0','--unixsocket',sock,'--save','','--appendonly','no'], { stdio: ['ignore','pipe','inherit'] })
await new Promise(r => srv.stdout.on('data', c => String(c).includes('eady to accept') && r()))
const admin = new Redis(sock)
const mem = async () => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))[1])
const client = new Redis(sock, { enableAutoPipelining: true })
const store = redisStore(client)
await store.open({ now: null, history: 86400000*30, historyPerUser: 20, warn () {} })
await admin.config('set','latency-tracking','no').catch(()=>{})
const before = await mem()
const agent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
const ids = []
const t0 = performance.now()
let inflight = []
for (let u = 0; u < users; u++) {
  const userId = `5f2b6c1e-8d3a-4f7b-9c21-${String(u).padStart(12,'0')}`
  for (let s = 0; s < per; s++) {
    const now = Date.now()
    const ip = `203.0.${u & 255}.${s}`
    const r = { id: newId(shardOf(userId), now), userId, generation: 0, hash: hashVerifier(newVerifier()), previousHash: null, rotatedAt: now, confirmedAt: null, createdAt: now, authenticatedAt: now, methods: 'password', lastSeenAt: now, idle: 1800000, absoluteAt: now + 43200000, requests: 0, remembered: false, ip, agent, firstIp: ip, firstAgent: agent, device: 'Chrome 141|Windows|desktop', name: null, data: noData }
    ids.push(r.id)
    inflight.push(store.create(r, { at: now, limit: { max: 100, onLimit: 'oldest' }, replaces: null, adopts: null }))
    if (inflight.length >= 64) { await Promise.all(inflight); inflight = [] }
  }
}
await Promise.all(inflight)
const took = performance.now() - t0
await new Promise(r => setTimeout(r, 300))
const after = await mem()
console.log(bin, { sessions: ids.length, bytesPerSession: (after - before) / ids.length, createPerSec: ids.length / took * 1000 })
for (const id of ids.slice(0,1)) { const k=(await admin.keys('*:s:'+id))[0]; console.log(k, await admin.memory('USAGE', k), await admin.object('ENCODING', k)) }
const ukey=(await admin.keys('*:u:*'))
console.log('u', await admin.memory('USAGE', ukey[0]), 'i', (await admin.memory('USAGE', 'fsm:{mm}:i','SAMPLES','0'))/await admin.zcard('fsm:{mm}:i'), 'x', (await admin.memory('USAGE','fsm:{mm}:x','SAMPLES','0'))/await admin.zcard('fsm:{mm}:x'))
// touched
console.log(await admin.info('memory').then(i=>i.match(/used_memory_rss:.*/)[0])); srv.kill('SIGKILL'); process.exit()
let t=performance.now()
for (let n = 0; n < Math.min(ids.length, 20000); n += 200) await store.touch(ids.slice(n, n+200).map(id => ({ id, requests: 3, seenAt: Date.now(), generation: 0 })), Date.now())
console.log('touch us/session', (performance.now()-t)*1000/Math.min(ids.length,20000))
console.log('after touch', ((await mem()) - before) / ids.length)
const sample = ids.filter((_, i) => i % Math.ceil(ids.length / 2000) === 0)
async function reads (name, store) {
  await store.open({ now: null, history: 0, historyPerUser: 20, warn () {} })
  for (let w = 0; w < 3; w++) for (const id of sample) await store.read(id)
  let best = Infinity, lat = Infinity
  for (let round = 0; round < 5; round++) {
    const c = process.cpuUsage(), p = performance.now()
    for (let k = 0; k < sample.length; k += 50) await Promise.all(sample.slice(k, k+50).map(id => store.read(id)))
    const u = process.cpuUsage(c)
    best = Math.min(best, (u.user + u.system) / sample.length)
  }
  for (let round = 0; round < 3; round++) {
    const p = performance.now()
    for (const id of sample) await store.read(id)
    lat = Math.min(lat, (performance.now() - p) * 1000 / sample.length)
  }
  console.log(name, 'cpu us/read', best.toFixed(1), 'serial us', lat.toFixed(1))
}
await reads('ioredis', redisStore(new Redis(sock)))
await reads('ioredis auto', redisStore(client))
await reads('iovalkey auto', redisStore(new Valkey(sock, { enableAutoPipelining: true })))
const nr = createClient({ socket: { path: sock } }); await nr.connect()
await reads('node-redis', redisStore(nr))
const s0 = await admin.info('commandstats'); 
for (let i=0;i<100;i++) await store.read(ids[i]);
t=performance.now(); await store.list({}, { limit: 50, cursor: null, order: 'newest' }); t=performance.now(); await store.list({}, { limit: 50, cursor: null, order: 'newest' }); console.log('list ms', performance.now()-t)
t=performance.now(); await store.statistics(0, Date.now()); console.log('statistics ms', performance.now()-t)
t=performance.now(); let cur=null, n=0, steps=0; do { const r=await store.count({}, cur); n+=r.count; cur=r.cursor; steps++ } while(cur && steps<50); console.log('count{}', n, steps, performance.now()-t); t=performance.now(); const cc=await store.count({ remembered: false }, null); console.log('count filter step', cc.count, performance.now()-t); t=performance.now(); await store.list({ search: 'none' }, { limit: 50, cursor: null, order: 'newest' }); console.log('search step', performance.now()-t)
t=performance.now(); const sw=await store.sweep(100); console.log('sweep idle ms', performance.now()-t, sw.ended.length, sw.more)
for (let k=0;k<5;k++){ await admin.config('resetstat'); const c=process.cpuUsage(); t=performance.now(); await store.list({}, { limit: 50, cursor: null, order: 'newest' }); const u=process.cpuUsage(c); console.log('list', performance.now()-t, (u.user+u.system)/1000, (await admin.info('commandstats')).match(/cmdstat_evalsha:[^\r]*/)[0].slice(0,80)) }
 srv.kill('SIGKILL'); process.exit()
