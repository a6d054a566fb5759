import { readFileSync } from 'node:fs'
import { Command, Query } from './driver.ts'
import type { SqliteHandle } from './driver.ts'
import { endedColumns, recordColumns } from './rows.ts'

type Queries =
  'version' | 'changes' | 'read' | 'readEnded' | 'isUsed' | 'adopter' | 'countOf' | 'oldestOf' | 'idlestOf' | 'due' |
  'statistics' | 'totals' | 'lastChange' | 'changesAfter'
type Commands =
  'begin' | 'commit' | 'rollback' | 'adopt' | 'insert' | 'touch' | 'changeClient' | 'update' | 'delete' | 'insertEnded' |
  'trimHistory' | 'reschedule' | 'purgeHistory' | 'deleteHistory' | 'redactChanges' | 'purgeCredentials' | 'purgeStatistics' |
  'purgeChanges' | 'clearLastChange' | 'saveStatistics' | 'insertChange' | 'trimChanges'

/** Every statement of statements.sql, prepared. */
export type Statements = Readonly<Record<Queries, Query> & Record<Commands, Command>>

/** Reads an SQL file beside this module, and replaces its placeholders. */
export function readSql (file: string, names: Readonly<Record<string, string | number>>): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8').replace(/\{(\w+)\}/g, (_whole, name: string) => String(names[name]))
}

/** Prepares every statement for the tables of one app. They exist as long as the handle. */
export function prepareStatements (handle: SqliteHandle, prefix: string): Statements {
  const text = readSql('statements.sql', { p: prefix, record: recordColumns, ended: endedColumns })
  const prepared = [...text.matchAll(/^-- :(\w+).*\n([^;]+);/gm)].map(([, name, sql]) => {
    const statement = handle.prepare(sql as string)
    return [name, /^(SELECT|PRAGMA)/.test(sql as string) ? new Query(statement) : new Command(statement)]
  })
  return Object.fromEntries(prepared) as Statements
}
