/** The commands that make a container's namespaces, and those that enter them, by the tools of util-linux. Pure. */
import { LAUNCH, quoted } from './launch.ts';
import type { Root } from './rootfs.ts';

/** Where the tools are, outside and inside. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The first process of a container, root of a user namespace that maps it to whoever runs the cluster. It mounts what the table names, makes
 * the root folder the root, notes its pid for those who enter, and starts the container's command one user namespace further down: there the
 * user has no capability at all, nor may it gain one. It hands SIGTERM on and answers with the command's exit code.
 */
const INIT = `
set -e
root=$INIT_ROOT table=$INIT_TABLE note=$INIT_NOTE fault=$INIT_FAULT session=$INIT_SESSION name=$1 uid=$2
unset INIT INIT_ROOT INIT_TABLE INIT_NOTE INIT_FAULT INIT_SESSION
shift 2
read -r pid rest < /proc/self/stat
exec 9>"$note" 7>"$fault"
mount --all --fstab "$table"
cd "$root"
pivot_root . .
umount -l .
cd /
hostname "$name"
# What a shell starts in the background would ignore interrupts and read nothing.
defaults=; env --default-signal=INT,QUIT true 2>/dev/null && defaults='env --default-signal=INT,QUIT'
exec 8<&0
$defaults $session unshare --user "--map-user=$uid" "--map-group=$uid" setpriv --no-new-privs -- /bin/sh -c 'eval "$LAUNCH"' sh "$@" <&8 8<&- 9>&- &
child=$!
echo "$pid" >&9
exec 9>&- 7>&-
trap 'kill -TERM $child 2>/dev/null || :' TERM
code=0
wait $child || code=$?
while kill -0 $child 2>/dev/null; do code=0; wait $child || code=$?; done
exit $code`;

export interface Within {
  uid: number;
  /** Folder inside the container. */
  cwd: string;
}

/** What a new container is given. */
export interface Fresh extends Within {
  hostname: string;
  /** The first process of a container whose processes this one sees: it has no process namespace of its own, and ends with that one. */
  beside?: number | undefined;
}

/** A command line with the environment that it needs. Lists of processes are read inside containers: nothing of this machine stands in a line. */
export interface Invocation {
  command: string[];
  env: Record<string, string>;
}

const EVAL_LAUNCH = ['/bin/sh', '-c', 'eval "$LAUNCH"', 'sh'];

/** Runs `command` as the main command of a new container; killed with the process that this starts. */
export const initCommand = (root: Root, within: Fresh, command: readonly string[]): Invocation => ({
  command: [
    ...(within.beside === undefined
      ? ['unshare', '--user', '--map-root-user', '--pid']
      : ['nsenter', '--target', String(within.beside), '--user', '--pid', '--preserve-credentials', '--', 'unshare']),
    ...['--mount', '--uts', '--ipc', '--fork', '--kill-child'],
    ...['/bin/sh', '-c', 'eval "$INIT"', 'init', within.hostname, String(within.uid), within.cwd],
    ...command,
  ],
  env: {
    PATH: SYSTEM_PATH,
    LAUNCH,
    LAUNCH_FAULT: 'told',
    INIT,
    INIT_ROOT: root.folder,
    INIT_TABLE: root.table,
    INIT_NOTE: root.note,
    INIT_FAULT: root.fault,
    // Signals are for the container's first process alone, which hands them to its command.
    INIT_SESSION: 'setsid',
  },
});

const entering = (pid: number, uid: number): string[] => [
  'nsenter',
  ...['--target', String(pid), '--user', '--mount', '--pid', '--uts', '--ipc', '--preserve-credentials'],
  ...['--', 'unshare', '--user', `--map-user=${uid}`, `--map-group=${uid}`, 'setpriv', '--no-new-privs', '--'],
];

/** Runs `command` inside the container whose first process is `pid`, as its user. */
export const enter = (pid: number, { uid, cwd }: Within, command: readonly string[]): Invocation => ({
  command: [...entering(pid, uid), ...EVAL_LAUNCH, cwd, ...command],
  env: { PATH: SYSTEM_PATH, LAUNCH },
});

/**
 * On a terminal. The one that we make is of this machine and has no name inside the container, so programs that ask for it (tmux, ssh) would fail:
 * `script` makes a second one inside. Ours is made transparent first, and says so with one NUL.
 */
const onInnerTerminal = (line: readonly string[]): string => `stty sane; exec ${line.map(quoted).join(' ')}`;
const innerTerminal = (line: readonly string[]): string[] => ['script', '-qefc', onInnerTerminal(line), '/dev/null'];
const outerTerminal = (line: readonly string[]): string[] => [
  ...['/bin/sh', '-c', `stty raw -echo; printf '\\0'; exec "$@"`, 'sh'],
  ...line,
];

export const enterOnTerminal = (pid: number, { uid, cwd }: Within, command: readonly string[]): Invocation => ({
  command: outerTerminal([...entering(pid, uid), ...innerTerminal([...EVAL_LAUNCH, cwd, ...command])]),
  env: { PATH: SYSTEM_PATH, LAUNCH },
});

export function initOnTerminal(root: Root, within: Fresh, command: readonly string[]): Invocation {
  const { command: line, env } = initCommand(root, within, command);
  // The program is looked for before its terminal is made. The terminal's signals reach who is of its session.
  return { command: outerTerminal(line), env: { ...env, LAUNCH_TERMINAL: onInnerTerminal(command), INIT_SESSION: '' } };
}
