// Around every view: where to go, how many wait, whether the page is told live.
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { Account, SoundSwitch } from './account.tsx';
import { Activity } from './activity.tsx';
import { Agents } from './agents.tsx';
import { logOut, session } from './api.ts';
import { Approvals } from './approvals.tsx';
import { Alarm } from './break-glass.tsx';
import { Incidents } from './incidents.tsx';
import { Policy } from './policy.tsx';
import { Reviewers } from './reviewers.tsx';
import { goTo, linkTo, place, type Section } from './route.ts';
import { link, notice, pending } from './state.ts';

interface Entry {
  readonly section: Section;
  readonly name: string;
  readonly icon: string;
}

const ENTRIES: readonly Entry[] = [
  { section: 'approvals', name: 'Approvals', icon: 'M4 12.5 9.5 18 20 6.5' },
  { section: 'activity', name: 'Activity', icon: 'M3 12h4l3-8 4 16 3-8h4' },
  { section: 'agents', name: 'Agents', icon: 'M8 9h8v7H8ZM12 9V5M4 13v2M20 13v2M8 19h8' },
  { section: 'incidents', name: 'Incidents', icon: 'M12 4 3 20h18ZM12 10v4M12 17h.01' },
  { section: 'policy', name: 'Policy', icon: 'M12 3 5 6v5c0 4.6 2.9 8.3 7 10 4.1-1.7 7-5.4 7-10V6Z' },
  {
    section: 'reviewers',
    name: 'Reviewers',
    icon: 'M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6Zm9 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  },
  {
    section: 'account',
    name: 'Account',
    icon: 'M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 9c.6-4 3.4-5.500 7-5.500s6.400 1.500 7 5.500',
  },
];

export function Shell(): VNode {
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Sidebar />
      <main id="main" tabIndex={-1}>
        <LinkState />
        <Alarm />
        <View />
      </main>
      <div class="notices" role="status" aria-live="polite">
        {notice.value === null ? null : <div class={`notice notice-${notice.value.kind}`}>{notice.value.text}</div>}
      </div>
    </div>
  );
}

/** The set-up link, opened once more by somebody who is logged in: there is nothing to set up. */
function SetUpAgain(): VNode | null {
  useEffect(() => goTo('approvals', '', true), []);
  return null;
}

function View(): VNode | null {
  switch (place.value.section) {
    case 'approvals':
      return <Approvals />;
    case 'setup':
      return <SetUpAgain />;
    case 'activity':
      return <Activity />;
    case 'agents':
      return <Agents />;
    case 'incidents':
      return <Incidents />;
    case 'policy':
      return <Policy />;
    case 'reviewers':
      return <Reviewers />;
    case 'account':
      return <Account />;
  }
}

function Sidebar(): VNode {
  return (
    <nav class="sidebar" aria-label="Sections">
      <a class="brand" href={linkTo('approvals')}>
        <img src="/icon.svg" alt="" width="28" height="28" />
        <span>Claw Patrol</span>
      </a>
      <ul>
        {ENTRIES.map(({ section, name, icon }) => (
          <li key={section}>
            <a href={linkTo(section)} aria-current={place.value.section === section ? 'page' : undefined}>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={icon} />
              </svg>
              <span class="name">{name}</span>
              {section === 'approvals' && pending.value > 0 ? (
                <span class="badge" aria-label={`${pending.value} waiting`}>
                  {pending.value > 999 ? '999+' : pending.value}
                </span>
              ) : null}
            </a>
          </li>
        ))}
      </ul>
      <Self />
    </nav>
  );
}

function Self(): VNode {
  const operator = session.value?.operator;
  return (
    <div class="self">
      <SoundSwitch />
      <a class="who" href={linkTo('account')}>
        <strong>{operator?.name}</strong>
        <span>{operator?.role}</span>
        {operator?.profiles ? <span>sees {operator.profiles.join(', ')}</span> : null}
      </a>
      <button type="button" class="quiet" onClick={logOut}>
        Log out
      </button>
    </div>
  );
}

/** The line is kept free of place while all is well, so that nothing jumps when it shows. */
function LinkState(): VNode | null {
  return link.value === 'waiting' ? (
    <div class="offline" role="alert">
      No connection to the gateway. What you see may be old; trying again …
    </div>
  ) : null;
}
