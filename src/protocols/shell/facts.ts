// Records of commands in the form that rules read (`ssh.commands`, `k8s.commands`). Pure.
import { Unknown } from '../../rules/action.ts';
import type { FactRecord, FactValue } from '../../rules/action.ts';
import type { CommandRecord, Literal, Redirect } from './model.ts';

const DYNAMIC = new Unknown('dynamic');

/** One simple command. A field that is not constant is Unknown; the others stay readable. */
export function commandFact(command: CommandRecord): FactRecord {
  const { program, path, env, redirects, sudo, user, pipe, where, literal } = command;
  return {
    argv: listFact(command.argv),
    program: program ?? DYNAMIC,
    path: path ?? DYNAMIC,
    env: listFact(env),
    redirects: redirects.map(redirectFact),
    sudo,
    user: user ?? DYNAMIC,
    pipe: BigInt(pipe),
    where,
    literal,
  };
}

export function redirectFact({ op, fd, target }: Redirect): FactRecord {
  return { op, fd: BigInt(fd), target: target ?? DYNAMIC };
}

function listFact(values: readonly Literal[]): FactValue {
  const known = values.filter((value) => value !== null);
  return known.length === values.length ? known : DYNAMIC;
}
