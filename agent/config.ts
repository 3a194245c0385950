/** What the agent is told by its pod: environment variables (all from the install manifest) and one mounted file. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

const Environment = z.object({
  ROADSTEAD_CONFIG_DIR: z.string().min(1),
  SERVICE_ACCOUNT_DIR: z.string().min(1).default('/var/run/secrets/kubernetes.io/serviceaccount'),
  KUBERNETES_SERVICE_HOST: z.string().min(1),
  KUBERNETES_SERVICE_PORT: z.coerce.number().int().min(1).max(65_535).default(443),
  POD_IP: z.string().min(1),
  POD_NAME: z.string().min(1),
  POD_NAMESPACE: z.string().min(1),
  POD_UID: z.string().min(1),
  NODE_NAME: z.string().optional(),
  AGENT_IMAGE: z.string().optional(),
  HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8081),
});

export type Config = z.output<typeof Environment>;

/** Throws with the names of the variables that are missing or wrong; values are not repeated. */
export const readConfig = (environment: Record<string, string | undefined>): Config => {
  const parsed = Environment.safeParse(environment);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`the environment is not the one that the install manifest gives: ${wrong.join('; ')}`);
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Where to dial. `wss` only, as a token travels in the header; plain `ws` is for this machine alone. */
export const SocketUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'wss:' || (url?.protocol === 'ws:' && LOOPBACK.test(url.hostname))) return url.href;
  context.addIssue(`the socket's address must begin with wss:// (ws:// only on loopback): ${text.slice(0, 200)}`);
  return z.NEVER;
});

/** Read before each dial: the mount follows the Secret, so a moved control plane is found without a restart. */
export const readSocketUrl = async (config: Config): Promise<string> => {
  const parsed = SocketUrl.safeParse((await readFile(join(config.ROADSTEAD_CONFIG_DIR, 'url'), 'utf8')).trim());
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map((issue) => issue.message).join('; '));
};

/** `sha256:…` of an image named by digest, else nothing. */
export const imageDigest = (image: string | undefined): string | undefined => image?.split('@')[1];
