import { table, text } from '../report.js'

/**
 * The tables of a run, stores side by side. A cell's number in brackets is the number of sessions, where it is not the row's own:
 * a page or a call stopped after a bounded scan.
 */
export function sections (measured) {
  if (measured.length === 0) return []
  const stores = measured.map(({ name, version, lists, rows }) => ({ name, title: version.split(' ')[0], lists, rows }))
  const everyCount = stores.filter(({ lists }) => lists.every(({ countMs }) => countMs !== undefined))
  const fewCounts = stores.filter(store => !everyCount.includes(store))
  const matchesOf = filter => stores.map(({ lists }) => find(lists, 'filter', filter).matches).find(matches => matches !== undefined)
  const filters = stores[0].lists.map(({ filter }) => filter)
  const deeds = stores[0].rows.map(({ what }) => what)
  const withMemory = deeds.filter(what => stores.some(({ rows }) => find(rows, 'what', what).rss !== undefined))

  const page = filters.map(filter => {
    const matches = matchesOf(filter)
    return {
      row: filter,
      matches,
      ...cells(stores, ({ lists }) => {
        const { items, pageMs, pageTurn, server } = find(lists, 'filter', filter)
        return { ms: withNumber(pageMs, items, Math.min(50, number(matches))), turn: pageTurn, server }
      })
    }
  })
  const count = filters.map(filter => ({
    row: filter,
    ...cells(everyCount, ({ lists }) => {
      const { countMs, countTurn } = find(lists, 'filter', filter)
      return { ms: countMs, turn: countTurn }
    })
  }))
  const deed = deeds.map(what => {
    const { sessions } = find(stores[0].rows, 'what', what)
    return {
      row: what,
      sessions,
      ...cells(stores, ({ rows }) => {
        const { ms, turn, server, sessions: own } = find(rows, 'what', what)
        return { ms: withNumber(ms, own, number(sessions)), turn, server }
      })
    }
  })
  const memory = withMemory.map(what => ({
    row: what,
    ...cells(stores, ({ rows }) => {
      const { rss, peak } = find(rows, 'what', what)
      return { rss, peak }
    })
  }))
  const times = [['ms', 'ms'], ['turn', 'longest turn'], ['server', 'longest command']]
  const few = fewCounts.map(
    ({ title, lists }) =>
      `${title}: ${lists
        .filter(({ countMs }) => countMs !== undefined)
        .map(({ filter, countMs, countTurn }) => `${filter} ${text(countMs)} (${text(countTurn)})`)
        .join(', ')}.`
  )

  return [
    `## The first page of 50\n\n${table({ columns: [['row', 'filter'], ['matches', 'matches'], ...columns(stores, times)] }, page)}`,
    `## Count\n\n${everyCount.length === 0 ? '' : `${table({ columns: [['row', 'filter'], ...columns(everyCount, times)] }, count)}\n\n`}${few.length === 0 ? '' : `Counts in ms, with the longest turn in brackets. ${few.join(' ')}`}`,
    `## Other work\n\n${table({ columns: [['row', 'work'], ['sessions', 'sessions'], ...columns(stores, times)] }, deed)}`,
    `## Resident memory of the process, in MiB\n\n${table(
      {
        columns: [
          ['row', 'work'],
          ...columns(stores, [
            ['rss', 'before'],
            ['peak', 'at most']
          ])
        ]
      },
      memory
    )}`
  ]
}

/** The first column of each store has its name. */
function columns (stores, kinds) {
  return stores.flatMap(({ name, title }) => kinds.map(([key, text], i) => [`${name} ${key}`, i === 0 ? `${title}, ${text}` : text]))
}

function cells (stores, figuresOf) {
  return Object.assign(
    {},
    ...stores.flatMap(store => Object.entries(figuresOf(store)).map(([key, value]) => ({ [`${store.name} ${key}`]: value })))
  )
}

function withNumber (ms, own, expected) {
  return own === undefined || number(own) === expected ? ms : `${text(ms)} (${text(own)})`
}

function find (rows, key, value) { return rows.find(row => row[key] === value) ?? {} }

function number (value) { return typeof value === 'string' ? Number(value.replaceAll(',', '')) : value }
