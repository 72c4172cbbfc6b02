// The page begins here: who is logged in, then the view that the address names.
import { render, type VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import './style.css';
import { loadSession, messageOf, session } from './api.ts';
import { Login } from './login.tsx';
import { Spinner } from './parts.tsx';
import { Shell } from './shell.tsx';

function App(): VNode {
  const [fault, setFault] = useState('');
  useEffect(() => {
    loadSession().catch((error: unknown) => setFault(messageOf(error)));
  }, []);
  if (session.value === null) {
    return (
      <main class="gate">{fault === '' ? <Spinner what="Asking the gateway …" /> : <p class="fault">{fault}</p>}</main>
    );
  }
  return session.value.operator === null ? <Login /> : <Shell />;
}

const root = document.querySelector('#app');
if (root !== null) {
  render(<App />, root);
}
