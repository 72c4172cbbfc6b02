// The schema of the facts that rules of `https` endpoints may read; who makes them is protocols/http/.
import { GatewayError } from '../../lib/errors.ts';
import type { FactSchema } from '../../rules/fact-schema.ts';
import { factSchemas } from '../../rules/schemas.ts';

export function httpsFacts(): FactSchema {
  const schema = factSchemas.get('http');
  if (schema === undefined) {
    throw new GatewayError('INTERNAL', 'gateway', 'there is no fact schema of the family http');
  }
  return schema;
}
