package store

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/graft-lambda/graft/inject/reference"
)

// NoCredentials is the problem where there is nothing to take credentials from.
const NoCredentials = "no credentials: neither AWS_ACCESS_KEY_ID nor another source of the SDK's is set"

// Error codes that several actions have in common.
var (
	// throttles say nothing about what was asked for.
	throttles = []string{"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
	// strangers are about who asked.
	strangers = []string{"ExpiredTokenException", "ExpiredToken", "InvalidSignatureException", "SignatureDoesNotMatch",
		"RequestTimeTooSkewed", "UnrecognizedClientException", "InvalidClientTokenId", "IncompleteSignatureException"}
)

// A Subject is what a call was about.
type Subject struct {
	Region    string
	Action    string // what IAM calls it
	Versioned bool   // a version was asked for
}

// A Problem is an error that says in a line why no service can be asked. It holds
// no value, and no words of a service's.
type Problem string

func (p Problem) Error() string { return string(p) }

// about is the subject of a call for one thing.
func (f *fetch) about(t thing) Subject {
	s := Subject{f.clients.Region(t.region), "ssm:GetParameters", t.selector+t.version+t.stage != ""}
	if t.source == reference.Secret {
		s.Action = "secretsmanager:GetSecretValue"
	}
	return s
}

// A failure is what counts of the error of a call.
type failure struct {
	code    string // the service's
	service string // the one that said so, as the SDK calls it
	status  int    // HTTP's
}

func failureOf(err error) failure {
	var f failure
	var api smithy.APIError
	if errors.As(err, &api) {
		f.code = plainCode(api.ErrorCode())
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		f.status = response.HTTPStatusCode()
	}
	// The innermost: a call may have failed because a role could not be assumed.
	var op *smithy.OperationError
	for e := err; errors.As(e, &op); e = op.Err {
		f.service = op.ServiceID
	}
	return f
}

// isCanceled reports whether the call's context has ended, and not only the time
// of an attempt.
func isCanceled(err error) bool {
	var canceled interface{ CanceledError() bool }
	return errors.As(err, &canceled) && canceled.CanceledError()
}

// isTimeout reports whether an attempt took too long.
func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// blamesOne reports whether the call might succeed with fewer names in it.
func (f failure) blamesOne() bool {
	return f.service != "STS" && f.status < 500 && f.code != "" && !slices.Contains(throttles, f.code) && !slices.Contains(strangers, f.code)
}

// plainCode returns a service's error code if it looks like one.
func plainCode(code string) string {
	for _, c := range code {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' {
			return "UnknownError"
		}
	}
	if len(code) > 80 {
		return "UnknownError"
	}
	return code
}

// problem says in a line why a call failed.
func (f *fetch) problem(err error, r *retries, about Subject) string {
	if f.ctx.Err() == nil {
		return Cause(err, about)
	}
	switch last := r.lastError(); {
	case last != nil:
		return f.late() + ": " + Cause(last, about)
	case ofCredentials(err):
		return f.late() + ": the credentials did not come"
	}
	return f.late()
}

// late says that the time was over.
func (f *fetch) late() string { return fmt.Sprintf("no answer within %v", f.limit) }

// Cause says in a line what the error of a call means and what to do about it,
// without any of its words but the service's code.
func Cause(err error, about Subject) string {
	f := failureOf(err)
	var problem Problem
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &problem):
		return string(problem)
	case f.service == "STS" && f.code != "":
		return f.code + ": the role cannot be assumed: allow sts:AssumeRole, and the function's role in its trust policy"
	case ofCredentials(err):
		return "no credentials: what the SDK takes them from gave none"
	case f.code == "UnknownError" && f.status != 0:
		return fmt.Sprintf("UnknownError: HTTP status %d", f.status)
	case f.code != "":
		return explain(f.code, about)
	case errors.As(err, &dns):
		return fmt.Sprintf("no such host: look at the region, %s, the endpoint and the network", about.Region)
	case errors.As(err, &certificate):
		return "the service's certificate is not trusted: AWS_CA_BUNDLE names others"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed before the answer"
	case isTimeout(err):
		return "the service does not answer"
	case f.status != 0 && f.status != http.StatusOK:
		return fmt.Sprintf("HTTP status %d", f.status)
	case isNetwork(err):
		return "no connection"
	}
	return "the answer cannot be understood"
}

// ofCredentials reports whether the service was never called, for want of
// credentials to sign the call with. The SDK has no type for that.
func ofCredentials(err error) bool {
	return strings.Contains(err.Error(), "get identity: get credentials: ")
}

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n)
}

// explain says what to do about a service's error code.
func explain(code string, about Subject) string {
	switch {
	case slices.Contains(throttles, code):
		return code + ": too many calls for the account"
	case slices.Contains(strangers, code):
		return code + ": the credentials are no good, or the clock is off"
	}
	switch code {
	case "AccessDeniedException", "AccessDenied":
		return fmt.Sprintf("%s: allow the role %s on it, and kms:Decrypt if its KMS key is your own", code, about.Action)
	case "ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException":
		if about.Versioned {
			return fmt.Sprintf("%s: not in region %s, or not in this version", code, about.Region)
		}
		return fmt.Sprintf("%s: not in region %s", code, about.Region)
	case "InvalidRequestException":
		return code + ": marked for deletion, or has no such version"
	case "InvalidKeyId", "DecryptionFailure", "KMSAccessDeniedException":
		return code + ": its KMS key cannot be used"
	}
	return code
}

// ConfigProblem says why the SDK's configuration cannot be used.
func ConfigProblem(err error) string {
	var problem Problem
	var profile config.SharedConfigProfileNotExistError
	switch {
	case errors.As(err, &problem):
		return string(problem)
	case errors.As(err, &profile):
		return "the SDK's configuration: AWS_PROFILE names a profile that is not there"
	}
	return "the SDK's configuration cannot be used: look at AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE and the other AWS_ variables"
}
