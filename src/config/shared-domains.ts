// Domains under which anyone can have a host: a secret that goes to every host below one goes to strangers.

const SHARED: readonly string[] = (
  'amazonaws.com cloudfront.net awsapprunner.com elasticbeanstalk.com windows.net azurewebsites.net azure.com ' +
  'azurecontainerapps.io azureedge.net azurefd.net appspot.com run.app cloudfunctions.net googleusercontent.com googleapis.com ' +
  'web.app firebaseapp.com firebaseio.com herokuapp.com vercel.app now.sh netlify.app pages.dev workers.dev r2.dev ' +
  'trycloudflare.com github.io githubusercontent.com githubpreview.dev gitlab.io bitbucket.io fly.dev onrender.com railway.app ' +
  'ngrok.io ngrok.app ngrok.dev ngrok-free.app ngrok-free.dev ts.net digitaloceanspaces.com ondigitalocean.app ' +
  'linodeobjects.com backblazeb2.com wasabisys.com repl.co replit.app replit.dev glitch.me deno.dev supabase.co ' +
  'atlassian.net zendesk.com myshopify.com sharepoint.com force.com salesforce.com service-now.com okta.com auth0.com ' +
  'slack.com notion.site airtable.com webflow.io wordpress.com blogspot.com translate.goog co.uk org.uk com.au co.jp com.br co.in'
).split(' ');

/** The multi-tenant domain that a wildcard `*.suffix` opens, or null. */
export function findSharedDomain(suffix: string): string | null {
  return (
    SHARED.find((domain) => suffix === domain || suffix.endsWith(`.${domain}`) || domain.endsWith(`.${suffix}`)) ?? null
  );
}
