// The fact schemas of all families: what conditions may name, and what the generated rule documentation lists.
import type { Family } from './action.ts';
import type { FactDefinition, FactSchema } from './fact-schema.ts';
import { COMMON_FACTS } from './schema-common.ts';
import { GIT_FACTS, HTTP_FACTS } from './schema-http.ts';
import { K8S_FACTS } from './schema-k8s.ts';
import { SQL_FACTS } from './schema-sql.ts';
import { SSH_FACTS } from './schema-ssh.ts';

function schemaOf(family: Family, facts: readonly FactDefinition[]): [Family, FactSchema] {
  const all = [...COMMON_FACTS, ...facts];
  return [family, { family, facts: new Map(all.map((definition) => [definition.name, definition])) }];
}

/** Schema by family, common facts included. */
export const factSchemas: ReadonlyMap<Family, FactSchema> = new Map([
  schemaOf('sql', SQL_FACTS),
  schemaOf('http', HTTP_FACTS),
  schemaOf('k8s', [...K8S_FACTS, ...HTTP_FACTS]),
  schemaOf('ssh', [...SSH_FACTS, ...GIT_FACTS]),
]);
