// SPDX-License-Identifier: Apache-2.0

package openexec

import (
	"errors"
	"fmt"
)

// Error is a no. The code decides; the detail only explains it to a person, and names the place.
type Error struct {
	Code   Code
	Detail string

	// Outcome is set if an attempt was answered. Its log entry is evidence of the refusal.
	Outcome *Outcome

	cause error
}

// No is a no of your own, as verifiers, stores and logs say it. The detail should hold no payload, key or result.
func No(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// Error is the code's name and the detail.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Code.Error()
	}
	return e.Code.Error() + ": " + e.Detail
}

// Kind is the kind of no.
func (e *Error) Kind() Kind { return e.Code.Kind() }

// Is says yes to the error's Code and to its Kind.
func (e *Error) Is(target error) bool {
	switch target := target.(type) {
	case Code:
		return target == e.Code
	case Kind:
		return target == e.Kind()
	}
	return false
}

// Unwrap is what a handler returned or panicked with, for the caller whose call ran it, or why the caller's context
// ended its wait. It enters no log.
func (e *Error) Unwrap() error { return e.cause }

// Panicked is what a handler panicked with.
type Panicked struct{ Value any }

func (p *Panicked) Error() string { return fmt.Sprintf("the handler panicked: %v", p.Value) }

// ErrGoexit is the cause if a handler called runtime.Goexit, as testing.T.FailNow does.
var ErrGoexit = errors.New("runtime.Goexit was called in it")

// Failed marks what a handler returns: it failed, and may have done something; final. Its text is told
// to the caller and to each replay, and is in no log.
func Failed(err error) error { return &failure{err, answerFailed} }

// NoEffect marks what a handler returns: it failed, and knows that nothing happened; final.
func NoEffect(err error) error { return &failure{err, answerNoEffect} }

type failure struct {
	error
	answer int32
}

func (f *failure) Unwrap() error { return f.error }

const (
	answerResult   int32 = 1
	answerFailed   int32 = 2
	answerNoEffect int32 = 3
	answerInDoubt  int32 = 4
)

// said is the code and the text of what a part returned. The text of another's error may hold what no detail may.
func said(err error, otherwise Code) (Code, string) {
	var no *Error
	if errors.As(err, &no) {
		if no.Code == OK { // a no that says yes is no yes
			return otherwise, no.Detail
		}
		return no.Code, no.Detail
	}
	return otherwise, fmt.Sprintf("it returned %T", err)
}
