import { readFileSync } from 'node:fs'
import { Command, Query } from './handle.ts'
import type { SqliteHandle } from './handle.ts'
import { endedColumns, recordColumns } from './rows.ts'

const commands = [
  'begin', 'commit', 'rollback', 'adopt', 'insert', 'touch', 'move', 'change', 'remove', 'remember', 'trim', 'rearm',
  'purgeEnded', 'purgeMarks', 'purgeSlices', 'purgeChanges', 'blankChange', 'observe', 'tell', 'crop'
] as const
const queries = [
  'read', 'left', 'known', 'mark', 'countOf', 'oldestOf', 'idlestOf', 'due', 'slices', 'counts', 'told', 'news'
] as const

/** Every statement of statements.sql, prepared. */
export type Statements = Readonly<Record<typeof commands[number], Command> & Record<typeof queries[number], Query>>

/** Reads an SQL file beside this module, and fills in its names. */
export function readSql (file: string, names: Readonly<Record<string, string | number>>): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8').replace(/\{(\w+)\}/g, (whole, name: string) => String(names[name] ?? whole))
}

/** Prepares every statement for the tables of one app. They are kept as long as the handle. */
export function prepareStatements (handle: SqliteHandle, prefix: string): Statements {
  const texts = new Map(readSql('statements.sql', { p: prefix, record: recordColumns, ended: endedColumns })
    .split(/^-- :/m).slice(1).map(part => [/^\w+/.exec(part)?.[0], part.slice(part.indexOf('\n'))]))
  const prepare = (name: string): ReturnType<SqliteHandle['prepare']> => handle.prepare(texts.get(name) ?? '')
  return Object.fromEntries([
    ...commands.map(name => [name, new Command(prepare(name))] as const),
    ...queries.map(name => [name, new Query(prepare(name))] as const)
  ]) as Statements
}
