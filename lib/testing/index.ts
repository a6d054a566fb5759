export { laws } from './laws.ts'
export type { Ground, GroundOptions, Law, NewGround } from './ground.ts'
