/** `Idempotency-Key`: the first answer is kept in the transaction of what it answers; the same request again is given it, another is refused (DESIGN §7). */
import { AppError } from '#core/contract/errors.ts';
import { type Route, showsSecret } from '#core/contract/route.ts';
import { plus } from '#core/domain/clock.ts';
import { hashBody, type Marker, SECRET_SECONDS } from '#core/store/idempotency.ts';
import type { Store } from '#core/store/store.ts';
import type { Step } from '#core/store/table.ts';
import type { Sealing } from '../sealing.ts';
import { type Answer, type Call, type HttpDeps, type HttpEvent, headerOf } from './call.ts';

const KEY = /^[\x21-\x7E]{1,128}$/;

/** The key of a request, if it has one and its route takes one. */
const keyOf = (event: HttpEvent, route: Route): string | undefined => {
  if (route.method !== 'POST' || route.auth === 'public') return undefined;
  const key = headerOf(event, 'idempotency-key');
  if (key !== undefined && !KEY.test(key))
    throw new AppError('request.invalid', {
      detail: 'the idempotency key cannot be taken',
      errors: [{ path: 'header.Idempotency-Key', message: '1 to 128 visible ASCII characters' }],
    });
  return key;
};

export interface Repeats {
  /** The answer that this request was given before, or null. Throws `idempotency.mismatch` and `secret.already_shown`. */
  readonly earlier: () => Promise<Answer | null>;
  /** Writes that keep `answer` for repeats. */
  readonly keep: (answer: Answer) => Promise<readonly Step[]>;
}

const none: Repeats = { earlier: async () => null, keep: async () => [] };

/** How the repeats of one request are recognised and answered. */
export const repeatsOf = (deps: HttpDeps, event: HttpEvent, call: Call, route: Route): Repeats => {
  const key = keyOf(event, route);
  const { store, sealing } = deps as { store: Store; sealing: Sealing | undefined };
  if (key === undefined || call.principal === undefined) return none;
  const of = { principal: call.principal.id, route: route.id, key };
  // The path counts as well: one key for two clusters is a mistake of the caller.
  const bodyHash = hashBody(call.parsed);
  const aad = { purpose: 'idempotency', principal: of.principal, route: of.route, key: hashBody(key) };

  const bodyOf = async (marker: Marker): Promise<unknown> => {
    if (marker.reply === '') return undefined;
    if (!showsSecret(route, marker.status)) return JSON.parse(marker.reply);
    if (plus(marker.createdAt, SECRET_SECONDS) <= deps.now()) throw new AppError('secret.already_shown');
    return JSON.parse(await (sealing as Sealing).open(marker.reply, aad));
  };

  return {
    earlier: async () => {
      const marker = await store.idempotency.find(of.principal, of.route, of.key, deps.now());
      if (marker === null) return null;
      if (marker.bodyHash !== bodyHash) throw new AppError('idempotency.mismatch');
      const body = await bodyOf(marker);
      return {
        status: marker.status,
        headers: { ...marker.headers, 'idempotent-replay': 'true' },
        ...(body === undefined ? {} : { body }),
      };
    },
    keep: async (answer) => {
      const text = answer.body === undefined ? '' : JSON.stringify(answer.body);
      const reply =
        showsSecret(route, answer.status) && text !== '' ? await (sealing as Sealing).seal(text, aad) : text;
      return [
        store.idempotency.step(of, {
          bodyHash,
          status: answer.status,
          reply,
          headers: { ...answer.headers },
          createdAt: deps.now(),
        }),
      ];
    },
  };
};
