// Package secretsapi is the HTTP interface of AWS's Parameters and Secrets
// Lambda extension: code that was written for localhost:2773 runs against it
// unchanged.
//
// # What is AWS's
//
// The paths, the query parameters, the header X-Aws-Parameters-Secrets-Token
// and the variables with their bounds are those of AWS's user guides ("Using
// Parameter Store parameters in AWS Lambda functions", "Use Secrets Manager
// secrets in Lambda functions") and of the CDK's ParamsAndSecretsOptions. An
// answer is the output of AWS's SDK for Go as encoding/json writes it: answers
// of the extension that users recorded have "ResultMetadata": {} and null for
// what is absent. By the same records whatever a service refuses is status 400
// with the one text of [errorText]: not found, denied, a version that is not
// there.
//
// Under SnapStart no session token is in the environment. AWS does not say what
// its extension takes there; its Secrets Manager Agent, which has the same
// header, takes AWS_CONTAINER_AUTHORIZATION_TOKEN, and so does this package.
//
// # What is not established
//
// The extension's source is not published. Chosen here, so that code that reads
// a status and no text goes on as it should: 401 for a token that is missing or
// wrong, 404 for another path, 405 for another method than GET, 400 for a
// request without a name or one that says both version and label, and 400 for a
// service that is throttled, too slow or out of reach. AWS's extension refuses
// requests before the first invocation ("not ready to serve traffic"); this one
// answers them.
//
// # What is kept
//
// Answers are kept in memory only, in a cache bounded in number and in bytes,
// for a time by the wall clock: one that was kept before a freeze is as old
// after it as it is. No value is in an error or in what is logged, at any level.
package secretsapi
