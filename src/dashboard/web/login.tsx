// Logging in, and the first account by the set-up link.
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SessionJson } from '../../client/control-shapes.ts';
import { CallError, cutOff, messageOf, post, session } from './api.ts';
import { goTo, place } from './route.ts';

export function Login(): VNode {
  return place.value.section === 'setup' ? <SetUp token={place.value.id} /> : <LogIn />;
}

function Frame({ title, text, children }: { title: string; text: VNode | string; children: VNode | null }): VNode {
  return (
    <main class="gate">
      <div class="gate-card">
        <img src="/icon.svg" alt="" width="44" height="44" />
        <h1>{title}</h1>
        <p class="lead">{text}</p>
        {children}
      </div>
    </main>
  );
}

interface FormProps {
  readonly action: string;
  readonly path: string;
  readonly fixed?: Readonly<Record<string, string>>;
  readonly fresh: boolean;
}

function LogIn(): VNode {
  if (session.value?.setup === true) {
    return (
      <Frame
        title="Claw Patrol is running"
        text="It has no operator yet. Open the set-up link that the gateway printed on its terminal when it started, or add an operator on its host:"
      >
        <pre class="command">clawpatrol operators add NAME --role admin</pre>
      </Frame>
    );
  }
  return (
    <Frame
      title="Claw Patrol"
      text={
        cutOff.value
          ? 'Your session has ended, or the gateway was started again. Log in to go on where you were.'
          : 'Log in to see what agents are asking for.'
      }
    >
      <Credentials action="Log in" path="/api/login" fresh={false} />
    </Frame>
  );
}

function SetUp({ token }: { readonly token: string }): VNode {
  const kept = useRef(token);
  const [spent, setSpent] = useState('');
  useEffect(() => {
    // The token leaves the address and the history as soon as it was read.
    if (token !== '') {
      kept.current = token;
      goTo('setup', '', true);
      post('/api/setup/look', { token })
        .then(() => setSpent(''))
        // Where the gateway cannot be asked now, it is when the form is sent.
        .catch((error: unknown) => setSpent(error instanceof CallError && error.status === 401 ? error.message : ''));
    }
  }, [token]);
  if (spent !== '') {
    return (
      <Frame title="This set-up link does not work" text={`${spent.charAt(0).toUpperCase()}${spent.slice(1)}.`}>
        <button type="button" class="primary" onClick={() => goTo('approvals', '', true)}>
          Go to the login
        </button>
      </Frame>
    );
  }
  return (
    <Frame title="Make the first account" text="You will be its admin: you decide about requests, and who else may.">
      <Credentials action="Create account" path="/api/setup" fixed={{ token: kept.current }} fresh={true} />
    </Frame>
  );
}

function Credentials({ action, path, fixed = {}, fresh }: FormProps): VNode {
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) {
      return;
    }
    const data = new FormData(event.currentTarget);
    const [name, password, again] = ['name', 'password', 'again'].map((key) => textOf(data.get(key)));
    if (fresh && password !== again) {
      setFault('The two passwords are not the same.');
      return;
    }
    setBusy(true);
    setFault('');
    post<SessionJson>(path, { ...fixed, name, password })
      .then((entered) => {
        cutOff.value = false;
        session.value = entered;
        if (place.value.section === 'setup') {
          goTo('approvals', '', true);
        }
      })
      .catch((error: unknown) => setFault(messageOf(error)))
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={submit}>
      <label>
        Name
        <input name="name" autoComplete="username" autoCapitalize="none" spellcheck={false} required autoFocus />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete={fresh ? 'new-password' : 'current-password'}
          aria-describedby={fresh ? 'password-help' : undefined}
          minLength={fresh ? 12 : 1}
          required
        />
      </label>
      {fresh ? <small id="password-help">12 characters or more. A sentence works well.</small> : null}
      {fresh ? (
        <label>
          Password, once more
          <input name="again" type="password" autoComplete="new-password" required />
        </label>
      ) : null}
      <p class="fault" role="alert">
        {fault}
      </p>
      <button type="submit" class="primary wide" disabled={busy}>
        {busy ? 'One moment …' : action}
      </button>
    </form>
  );
}

function textOf(value: FormDataEntryValue | null): string {
  return typeof value === 'string' ? value : '';
}
