// The certified provider of npm: node oidc_provider.mjs PORT AUDIENCE KID, beside its node_modules.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [port, audience, kid] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{
    client_id: "robot",
    client_secret: "for-this-test-only",
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  }],
  jwks: { keys: [key] },
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: () => ({
        audience,
        scope: "catalog reports",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
});
provider.listen(Number(port), "localhost", () => console.log("ready"));
