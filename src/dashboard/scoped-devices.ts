// Devices, runs and machines that ask to be let in, as an operator with a scope sees them.
import { sees, type Scope } from '../audit/scope.ts';
import { findDevice } from '../devices/registry.ts';
import type { Device } from '../devices/device.ts';
import { isSameCode, type JoinRequest } from '../devices/enrolment.ts';
import type { Run } from '../devices/runs.ts';
import { GatewayError } from '../lib/errors.ts';
import type { OperatorDevices } from './call.ts';

export function scopeDevices(
  { registry, runs, tokens, enrolment, tunnel }: OperatorDevices,
  scope: Scope,
): OperatorDevices {
  const shown = (): readonly Device[] => registry.list().filter(({ profile }) => sees(scope, profile));
  const own = (id: string): string => {
    if (!shown().some((device) => device.id === id)) {
      throw refused(`there is no device ${id}, or it was revoked`);
    }
    return id;
  };
  const given = (profile: string): string => {
    if (!sees(scope, profile)) {
      throw refused(`there is no profile ${JSON.stringify(profile)}`);
    }
    return profile;
  };
  /** A code that a machine showed to somebody is proof that it may be let in, unless it asks for another profile or is known there already. */
  const isOpen = (userCode: string): boolean => {
    const request = enrolment.waiting().find((one) => isSameCode(one.userCode, userCode));
    return (
      request !== undefined &&
      (request.wish === '' || sees(scope, request.wish)) &&
      registry.list().every((one) => one.publicKey !== request.publicKey || sees(scope, one.profile))
    );
  };
  // A run has what its device has now.
  const seesRun = ({ device }: Run): boolean => shown().some(({ id }) => id === device);
  return {
    registry: {
      list: shown,
      find: (idOrName) => findDevice(shown(), idOrName),
      change: (id, to) =>
        registry.change(own(id), to.profile === undefined ? to : { ...to, profile: given(to.profile) }),
      revoke: (id) => registry.revoke(own(id)),
    },
    runs: {
      list: () => runs.list().filter(seesRun),
      end: (id) => runs.list().some((run) => run.id === id && seesRun(run)) && runs.end(id),
    },
    tokens: {
      create: (token) => tokens.create({ ...token, profile: given(token.profile) }),
      withdrawOf: (device) => tokens.withdrawOf(own(device)),
    },
    enrolment: {
      // Who asks for no profile belongs to none yet.
      waiting: (): readonly JoinRequest[] => enrolment.waiting().filter(({ wish }) => sees(scope, wish)),
      approve: (userCode, as) =>
        isOpen(userCode) ? enrolment.approve(userCode, { ...as, profile: given(as.profile) }) : null,
      deny: (userCode) => isOpen(userCode) && enrolment.deny(userCode),
    },
    tunnel,
  };
}

function refused(message: string): GatewayError {
  return new GatewayError('CONFIG_INVALID', 'operator', message);
}
