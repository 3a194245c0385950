/** The wire form of an error: RFC 9457 problem details with our stable `code` (DESIGN §7). */
import * as z from 'zod';
import { type AppError, catalogue } from './errors.ts';

export const Problem = z
  .strictObject({
    type: z.string().describe('A URI that names the kind of problem: urn:roadstead:error:<code>'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable; programs match on this'),
    detail: z.string().optional().describe('What was given and what is allowed'),
    help: z.string().describe('What to do'),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
    allowed: z.array(z.string()).optional(),
    correlationId: z.string(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

/** The problem document of an error. */
export const toProblem = (error: AppError, correlationId: string): Problem => ({
  type: `urn:roadstead:error:${error.code}`,
  title: catalogue[error.code].title,
  status: error.status,
  code: error.code,
  ...(error.detail === undefined ? {} : { detail: error.detail }),
  help: catalogue[error.code].help,
  ...(error.errors === undefined ? {} : { errors: error.errors.map((each) => ({ ...each })) }),
  ...(error.allowed === undefined ? {} : { allowed: [...error.allowed] }),
  correlationId,
});
