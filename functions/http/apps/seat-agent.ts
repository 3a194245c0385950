/** What an agent fetches and posts over HTTPS: values of secrets, and credentials that people wait for (DESIGN §6; kubernetes.md finding 21). */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import type { SeatSecret } from '#core/contract/seat.ts';
import { plus } from '#core/domain/clock.ts';
import { answerCredential } from '#core/domain/credential.ts';
import type { SecretState } from '#core/domain/secret.ts';
import { holderOf, NO_CHOICE } from '#core/domain/secret-choice.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import { hostKeyOf } from '../../lib/host-key.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';
import { credentialContext, type Sealing, secretContext } from '../../lib/sealing.ts';
import { readInReach } from '../../lib/secrets-in-reach.ts';

export interface SeatAgentDeps extends HttpDeps {
  readonly store: Deps['store'];
  readonly sealing: Sealing;
}

export const app = (deps: SeatAgentDeps): App => {
  const { store, sealing, now } = deps;

  /** The value that the spec names; null where it is gone, or not to be seen any more. */
  const opened = async (inReach: readonly SecretState[], { name, holder, version }: SeatSecret) => {
    const secret = inReach.find((each) => each.name === name && holderOf(each) === holder);
    const sealed = secret?.sealed[String(version)];
    return secret === undefined || sealed === undefined
      ? null
      : { name, version, value: await sealing.open(sealed, secretContext(secret.holder, name, version)) };
  };

  return {
    deps,
    served: [
      on(routes.seatAgent.secrets, async ({ params: { workspaceId } }, agent) => {
        const workspace = await store.workspaces.workspace(workspaceId);
        if (workspace === null || workspace.cluster !== agent.cluster || workspace.phase === 'Deleted')
          throw new AppError('not_found', { detail: `${workspaceId} is no dev pod of this cluster` });
        const { spec, revision, team, secretChoice = NO_CHOICE } = workspace;
        const inReach =
          spec.secrets.length === 0 ? [] : await readInReach(store, { team, owner: spec.owner }, secretChoice);
        const values = await Promise.all(spec.secrets.map((secret) => opened(inReach, secret)));
        return reply(
          200,
          { revision, values: values.filter((value) => value !== null), hostKey: await hostKeyOf(deps, workspace) },
          { 'cache-control': 'no-store' },
        );
      }),

      on(routes.seatAgent.credential, async (request, agent) => {
        const id = request.params.request;
        const { body } = request;
        const at = now();
        const answer =
          'token' in body
            ? {
                sealed: await sealing.seal(body.token, credentialContext(id)),
                goodUntil: plus(at, body.expiresInSeconds),
              }
            : { refused: body.refused };
        return untilFresh(async () => {
          const decision = answerCredential(await store.secrets.request(id), agent, answer, at);
          return request.commit(decision, reply(204));
        });
      }),
    ],
  };
};
