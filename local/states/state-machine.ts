/** AWS::StepFunctions::StateMachine: the definition written in the template becomes a state machine of the engine. */
import type { ResourceHandler } from '#local/types.ts';
import { parseDefinition } from './definition.ts';
import type { Engine } from './engine.ts';

/** Properties that change nothing here: logs, tracing and tags. */
const WITHOUT_EFFECT = ['LoggingConfiguration', 'TracingConfiguration', 'Tags', 'StateMachineType'];
const KNOWN = ['DefinitionString', 'DefinitionSubstitutions', 'RoleArn', 'StateMachineName', ...WITHOUT_EFFECT];

/** `${name}` in a definition, from DefinitionSubstitutions. */
export function substitute(definition: string, values: Readonly<Record<string, unknown>>): string {
  return definition.replace(/\$\{([\w-]+)\}/g, (_, name: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`DefinitionSubstitutions has no value for \${${name}}`);
    return String(values[name]);
  });
}

/** Makes state machines of the template in `engine`. */
export function stateMachineHandler(engine: Engine): ResourceHandler {
  return {
    type: 'AWS::StepFunctions::StateMachine',
    create({ logicalId, properties: it }) {
      const unknown = Object.keys(it).filter((key) => !KNOWN.includes(key));
      if (unknown.length > 0)
        throw new Error(
          `${logicalId}: ${unknown.join(', ')} is not supported here; inline the definition with DefinitionBody.fromString`,
        );
      if (typeof it.DefinitionString !== 'string') throw new Error(`${logicalId}: DefinitionString is missing`);
      if ((it.StateMachineType ?? 'STANDARD') !== 'STANDARD')
        throw new Error(`${logicalId}: only STANDARD state machines run here`);
      try {
        const source = substitute(it.DefinitionString, it.DefinitionSubstitutions ?? {});
        const made = engine.define({
          name: it.StateMachineName ?? logicalId,
          roleArn: it.RoleArn,
          definition: parseDefinition(source),
          source,
        });
        return { ref: made.arn, attributes: { Arn: made.arn, Name: made.name, StateMachineRevisionId: 'INITIAL' } };
      } catch (error) {
        throw new Error(`${logicalId}: ${(error as Error).message}`, { cause: error });
      }
    },
  };
}
