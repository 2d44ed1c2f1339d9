//! Tests of apigw.
