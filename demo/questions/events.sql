select type, count(*) as events, count(distinct source) as sources, sum(amount) as amount from events group by type order by type
