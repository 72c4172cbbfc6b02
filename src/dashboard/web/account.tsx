// The reader's own account, and for admins everybody's.
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ListJson, OperatorJson, ProfileJson, SessionJson } from '../../client/control-shapes.ts';
import { call, get, logOut, messageOf, post, session } from './api.ts';
import { soundOn } from './chime.ts';
import { Section } from './parts.tsx';
import { isAdmin, seesAll, tell } from './state.ts';
import { dateTime } from './text.ts';

export function Account(): VNode {
  return (
    <div class="view narrow">
      <header class="view-head">
        <h1>Account</h1>
        <span class="muted">
          logged in as {session.value?.operator?.name} until {dateTime(session.value?.expires ?? '')}
        </span>
        <button type="button" onClick={logOut}>
          Log out
        </button>
      </header>
      {/* Where there is no room beside the sections for what else stands there. */}
      <div class="here">
        <SoundSwitch />
      </div>
      <Password />
      {isAdmin.value && seesAll.value ? <Operators /> : null}
    </div>
  );
}

/** Whether this browser rings when a request comes. */
export function SoundSwitch(): VNode {
  return (
    <label class="switch">
      <input
        type="checkbox"
        checked={soundOn.value}
        onChange={(event) => {
          soundOn.value = event.currentTarget.checked;
        }}
      />
      <span>Sound</span>
    </label>
  );
}

function Password(): VNode {
  const [fault, setFault] = useState('');
  const submit = (form: HTMLFormElement): void => {
    const data = new FormData(form);
    const [current, password, again] = ['current', 'password', 'again'].map((key) => data.get(key));
    if (password !== again) {
      setFault('The two new passwords are not the same.');
      return;
    }
    post<SessionJson>('/api/password', { current, password })
      .then((entered) => {
        session.value = entered;
        form.reset();
        setFault('');
        tell('Password changed. Every other session of yours is over.');
      })
      .catch((error: unknown) => setFault(messageOf(error)));
  };
  return (
    <Section title="Change your password">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          submit(event.currentTarget);
        }}
      >
        <label>
          Current password
          <input name="current" type="password" autoComplete="current-password" required />
        </label>
        <label>
          New password
          <input name="password" type="password" autoComplete="new-password" minLength={12} required />
        </label>
        <label>
          New password, once more
          <input name="again" type="password" autoComplete="new-password" required />
        </label>
        <p class="fault" role="alert">
          {fault}
        </p>
        <button type="submit">Change password</button>
      </form>
    </Section>
  );
}

function Operators(): VNode {
  const [list, setList] = useState<readonly OperatorJson[]>([]);
  const load = (): void => {
    get<ListJson<OperatorJson>>('/api/operators').then(
      ({ items }) => setList(items),
      (error: unknown) => tell(messageOf(error), 'bad'),
    );
  };
  useEffect(load, []);
  return (
    <Section title="Operators">
      <ul class="operators">
        {list.map((one) => (
          <OperatorRow key={one.name} operator={one} onChange={load} />
        ))}
      </ul>
      <AddOperator onChange={load} />
    </Section>
  );
}

function OperatorRow({ operator, onChange }: { operator: OperatorJson; onChange: () => void }): VNode {
  const [sure, setSure] = useState(false);
  const own = operator.name === session.value?.operator?.name;
  const remove = (): void => {
    call('DELETE', `/api/operators/${encodeURIComponent(operator.name)}`, {})
      .then(() => tell(`${operator.name} is out; what was open ended.`))
      .catch((error: unknown) => tell(messageOf(error), 'bad'))
      .finally(onChange);
  };
  return (
    <li>
      <strong>{operator.name}</strong>
      <span class="mark">{operator.role}</span>
      {operator.profiles === null ? null : <span class="mark">sees {operator.profiles.join(', ')}</span>}
      <span class="muted">{operator.email}</span>
      {own ? (
        <span class="muted">you</span>
      ) : (
        <button type="button" class={sure ? 'deny solid' : 'quiet'} onClick={() => (sure ? remove() : setSure(true))}>
          {sure ? `Remove ${operator.name}` : 'Remove'}
        </button>
      )}
    </li>
  );
}

/** What somebody is to see; nothing ticked is everything. */
function Profiles(): VNode {
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    get<ListJson<ProfileJson>>('/api/profiles').then(
      ({ items }) => setNames(items.map(({ name }) => name)),
      () => setNames([]),
    );
  }, []);
  return (
    <fieldset>
      <legend>Sees only (none: everything)</legend>
      {names.map((name) => (
        <label class="sure" key={name}>
          <input type="checkbox" name="profile" value={name} />
          {name}
        </label>
      ))}
    </fieldset>
  );
}

function AddOperator({ onChange }: { readonly onChange: () => void }): VNode {
  const [fault, setFault] = useState('');
  const submit = (form: HTMLFormElement): void => {
    const data = new FormData(form);
    const profiles = data.getAll('profile');
    data.delete('profile');
    const body = {
      ...Object.fromEntries([...data].filter(([, value]) => value !== '')),
      ...(profiles.length === 0 ? {} : { profiles: JSON.stringify(profiles) }),
    };
    post('/api/operators', body)
      .then(() => {
        form.reset();
        setFault('');
        onChange();
      })
      .catch((error: unknown) => setFault(messageOf(error)));
  };
  return (
    <details class="part">
      <summary>Add an operator</summary>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          submit(event.currentTarget);
        }}
      >
        <label>
          Name
          <input name="name" autoComplete="off" autoCapitalize="none" required />
        </label>
        <label>
          Role
          <select name="role">
            <option value="approver">approver: looks, decides, quarantines</option>
            <option value="viewer">viewer: only looks</option>
            <option value="admin">admin: also operators, secrets, reload</option>
          </select>
        </label>
        <label>
          E-mail
          <input name="email" type="email" autoComplete="off" />
        </label>
        <Profiles />
        <label>
          First password, to be changed by them
          <input name="password" type="password" autoComplete="new-password" minLength={12} required />
        </label>
        <p class="fault" role="alert">
          {fault}
        </p>
        <button type="submit">Add</button>
      </form>
    </details>
  );
}
