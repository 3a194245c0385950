/** The few lines of shell that start a command where it belongs; they run inside a container's file system, where nothing of ours is. Pure. */

/** A word as the shell reads it back unchanged. */
export const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** What containerd and runc say before the reason, when the program of a container cannot be started. */
const NOT_STARTED =
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init';

/** Why a container has no process, from what the launch wrote or from `notFound`. */
export const startFailure = (why: string): string => `${NOT_STARTED}: ${why}: unknown`;

/** A program that this machine could not start; `code`: that of the system's error. */
export const notFound = (program: string, code: string | undefined): string => {
  const absent = program.includes('/')
    ? `stat ${program}: no such file or directory`
    : 'executable file not found in $PATH';
  return `exec: ${JSON.stringify(program)}: ${code === 'EACCES' ? 'permission denied' : absent}`;
};

/**
 * `sh -c LAUNCH sh FOLDER COMMAND ARG…`: goes to the folder and becomes the command. What is not there is said as a container runtime says it,
 * with 127 for a program that is not found and 126 (the shell's own) for one that may not run. A container's own program is told apart
 * (LAUNCH_FAULT): what keeps it from starting goes to descriptor 7 alone, for it has no output yet.
 */
export const LAUNCH = `
[ -d "$1" ] || mkdir -p -- "$1" 2>/dev/null
__fault=\${LAUNCH_FAULT-} __terminal=\${LAUNCH_TERMINAL-}; unset LAUNCH_FAULT LAUNCH_TERMINAL
cd -- "$1" 2>/dev/null || {
  [ -z "$__fault" ] || { printf 'chdir to cwd ("%s"): no such file or directory' "$1" >&7; exit 128; }
  printf 'OCI runtime exec failed: exec failed: unable to start container process: chdir to cwd ("%s"): no such file or directory: unknown\\n' "$1" >&2; exit 126; }
shift
eval "\${LAUNCH_ENV-}"; unset LAUNCH LAUNCH_ENV
case $1 in
*/*) [ -e "$1" ] && __found=1; __why="stat $1: no such file or directory"
   [ -z "$__fault" ] || [ ! -e "$1" ] || [ -x "$1" ] || { __found=; __why='permission denied'; } ;;
*) IFS=:; for __dir in $PATH; do [ -f "$__dir/$1" ] && [ -x "$__dir/$1" ] && __found=1; done; unset IFS
   __why='executable file not found in $PATH' ;;
esac
if [ -z "\${__found-}" ]; then
  [ -z "$__fault" ] || { printf 'exec: "%s": %s' "$1" "$__why" >&7; exit 128; }
  printf 'OCI runtime exec failed: exec failed: unable to start container process: exec: "%s": %s: unknown\\n' "$1" "$__why" >&2
  exit 127
fi
[ -z "$__terminal" ] || set -- script -qefc "$__terminal" /dev/null
[ -z "\${LAUNCH_MORE-}" ] || eval "set -- env $LAUNCH_MORE \\"\\$@\\""
unset LAUNCH_MORE
exec 7>&-
exec "$@"`;

/**
 * The environment as two variables that LAUNCH reads. The programs that enter a container run outside of it, so they must not see what a pod wrote
 * (`LD_PRELOAD` would be loaded into them); and no value stands in an argument list.
 */
export function wrapped(env: Record<string, string>): Record<string, string> {
  const isName = (name: string) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
  const exported = Object.entries(env).filter(([name]) => isName(name));
  // A key such as `tls.crt` is a variable to Kubernetes but no name to a shell.
  const odd = Object.entries(env).filter(([name]) => !isName(name));
  return {
    LAUNCH_ENV: exported.map(([name, value]) => `export ${name}=${quoted(value)}`).join('\n'),
    ...(odd.length > 0 && { LAUNCH_MORE: odd.map(([name, value]) => quoted(`${name}=${value}`)).join(' ') }),
  };
}
