select airline, count(*) as flights, count_if(cancelled) as cancelled, round(avg(dep_delay), 1) as mean_dep_delay_min from flights group by airline order by mean_dep_delay_min desc limit 8
