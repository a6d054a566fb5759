export type { Ground, GroundOptions, Law, NewGround } from './ground.ts'
