-- Moves between jobs. One row a pair of states.
SELECT from_state, to_state, n, row_total, probability FROM mart_transition_matrix WHERE journey_scope = $scope AND segment = 'all'
