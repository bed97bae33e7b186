/* Starts Swagger UI on this server's own description. */
'use strict';

window.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#api',
  deepLinking: true, // the address names the open operation
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false, // a token is forgotten with the page
  validatorUrl: null, // the badge would ask a third party
});
