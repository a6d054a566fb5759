/**
 * Runs something and watches the event loop meanwhile. `longest`: the longest time in milliseconds for which nothing else had a turn, of a
 * call that answers at once its whole length; a loop that nothing holds up shows 1 to 2. Not `monitorEventLoopDelay`, which has no sample of
 * what is shorter than its first turn. `busiest`: how much of that this process worked, which on a machine with other work is less. `peak`: the
 * most resident memory seen, in bytes.
 */
export async function watched (run) {
  let [last, longest, peak, turns, busiest, cpu] = [performance.now(), 0, 0, 0, 0, process.cpuUsage()]
  let timer = setTimeout(function turn () {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    const { user, system } = process.cpuUsage(cpu)
    busiest = Math.max(busiest, (user + system) / 1000)
    cpu = process.cpuUsage()
    // to ask costs a system call
    if (turns++ % 20 === 0) peak = Math.max(peak, process.memoryUsage.rss())
    timer = setTimeout(turn, 1)
  }, 1)
  await passed(3)
  longest = busiest = 0
  const started = last = performance.now()
  const value = await run()
  const ms = performance.now() - started
  await passed(3)
  clearTimeout(timer)
  return { value, ms, longest, busiest, peak: Math.max(peak, process.memoryUsage.rss()) }
}

/** The middle one of some runs of something that changes nothing, and the longest of all their turns: up to five, a second at most after the first. */
export async function repeated (run) {
  const runs = [await watched(run)]
  const until = performance.now() + 1000
  while (runs.length < 5 && performance.now() < until) runs.push(await watched(run))
  const [middle] = runs.map(({ ms }) => ms).sort((a, b) => a - b).slice(Math.floor(runs.length / 2))
  return { ...runs[0], ms: middle, longest: Math.max(...runs.map(({ longest }) => longest)), busiest: Math.max(...runs.map(({ busiest }) => busiest)) }
}

function passed (ms) { return new Promise(resolve => { setTimeout(resolve, ms) }) }
