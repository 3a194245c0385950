/** Whether this machine has the Java that DynamoDB Local needs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const NEEDED = 17;
const HOW = `DynamoDB Local needs Java ${NEEDED} or newer: install a JRE (e.g. \`apt-get install openjdk-17-jre-headless\`, \`brew install openjdk@17\`) and see that \`java -version\` finds it`;

/** The major version that `java -version` prints: 17 for "17.0.15", 8 for "1.8.0_402". */
export function javaMajor(printed: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(printed) ?? [];
  return first === undefined ? undefined : Number(first === '1' ? second : first);
}

/** Throws in plain words where Java is missing or too old. `java` is the command. */
export async function requireJava(java = 'java'): Promise<void> {
  let printed: string;
  try {
    const { stdout, stderr } = await promisify(execFile)(java, ['-version']);
    printed = stderr + stdout;
  } catch (cause) {
    throw new Error(`no Java found (\`${java} -version\` failed). ${HOW}`, { cause });
  }
  const major = javaMajor(printed);
  if (major === undefined || major < NEEDED)
    throw new Error(`Java ${major ?? 'of an unknown version'} is too old. ${HOW}`);
}
