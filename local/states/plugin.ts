/** Step Functions as a part of the local AWS. */
import type { PluginFactory } from '#local/plugin.ts';
import { statesApi } from './api.ts';
import { createEngine } from './engine.ts';
import { stateMachineHandler } from './state-machine.ts';

/** Keeps executions in `states/` of the state folder; open ones run again once every resource is there. */
export const statesPlugin: PluginFactory = (context) => {
  const engine = createEngine(context);
  return {
    name: 'states',
    apis: [statesApi(engine)],
    resources: [stateMachineHandler(engine)],
    start: () => engine.start(),
    stop: () => engine.stop(),
  };
};
