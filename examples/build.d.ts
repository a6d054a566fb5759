export function build (fastify: unknown, sessions: unknown, options?: unknown): Promise<unknown>
