/** A copy of the synthesized app from which permissions were taken. */
import { mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '#scripts/local/synthesize.ts';
import { ROOT } from '#scripts/local/up.ts';

interface Statement {
  readonly Effect: string;
  Action: string | string[];
}

/** `[what the policy's logical id begins with, action]`. Throws when the template does not give the action there: then the test would show nothing. */
export const withoutPermissions = async (
  taken: readonly (readonly [role: string, action: string])[],
): Promise<string> => {
  const { cdkOut } = await synthesize(ROOT);
  const copy = mkdtempSync(join(tmpdir(), 'roadstead-template-'));
  for (const name of readdirSync(cdkOut)) {
    const text = name.endsWith('.json') && readFileSync(join(cdkOut, name), 'utf8');
    if (!text) symlinkSync(join(cdkOut, name), join(copy, name));
    else writeFileSync(join(copy, name), name.endsWith('.template.json') ? without(text, taken) : text);
  }
  return copy;
};

const without = (text: string, taken: readonly (readonly [string, string])[]): string => {
  const template = JSON.parse(text) as {
    Resources: Record<string, { Type: string; Properties?: { PolicyDocument?: { Statement: Statement[] } } }>;
  };
  for (const [role, action] of taken) {
    const statements = Object.entries(template.Resources)
      .filter(([id, { Type }]) => Type === 'AWS::IAM::Policy' && id.startsWith(role))
      .flatMap(([, { Properties }]) => Properties?.PolicyDocument?.Statement ?? [])
      .filter((statement) => [statement.Action].flat().includes(action));
    if (statements.length === 0) throw new Error(`no policy of ${role} allows ${action}`);
    for (const statement of statements) {
      const rest = [statement.Action].flat().filter((each) => each !== action);
      // A statement must name an action: one that nobody asks for.
      statement.Action = rest.length === 0 ? 'sts:GetSessionToken' : rest;
    }
  }
  return JSON.stringify(template);
};
