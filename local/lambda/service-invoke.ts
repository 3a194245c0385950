/** Invocations by AWS services (API Gateway, EventBridge): only where a Lambda::Permission lets them. */
import type { LocalIam } from '#local/iam/iam.ts';
import type { Invoked } from '#local/plugin.ts';
import type { Functions } from './functions.ts';

/** `service` is a principal such as `events.amazonaws.com`, `sourceArn` the rule or route on whose behalf. */
export type ServiceInvoke = (
  service: string,
  sourceArn: string,
  functionArn: string,
  payload: unknown,
) => Promise<Invoked>;

export function createServiceInvoke(iam: LocalIam, functions: Functions, log: (line: string) => void): ServiceInvoke {
  return async (service, sourceArn, functionArn, payload) => {
    const target = functions.get(functionArn);
    if (iam.serviceAllowed(service, 'lambda:InvokeFunction', target.arn, sourceArn)) return target.invoke(payload);
    const errorMessage = `${service} may not invoke ${target.name} for ${sourceArn}: no AWS::Lambda::Permission of the template allows it`;
    log(errorMessage);
    return { payload: { errorType: 'AccessDeniedException', errorMessage }, functionError: 'Unhandled' };
  };
}
